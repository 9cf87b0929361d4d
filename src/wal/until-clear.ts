/** Patience with a log that does not say what became of a write. */

import type { Runtime } from "../base/host/runtime.ts";
import { Fenced, LogUnavailable, RecordTooLarge } from "../log/log.ts";

const RETRY_FIRST_MILLISECONDS = 10;
const RETRY_LAST_MILLISECONDS = 5_000;

/**
 * Repeats what has an unclear outcome until it is clear, or until nobody wants to know. A refusal is clear only while no try before it
 * was unclear: that one may be in the log.
 */
export async function untilClear<T>(
  runtime: Runtime,
  action: () => Promise<T>,
  isOver: () => boolean = () => false,
): Promise<T> {
  let isUnclear = false;
  for (let delay = RETRY_FIRST_MILLISECONDS; ; delay = Math.min(delay * 2, RETRY_LAST_MILLISECONDS)) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof Fenced || error instanceof RecordTooLarge) throw error;
      if (error instanceof LogUnavailable && !isUnclear) throw error;
      if (isOver()) throw error;
      isUnclear = true;
      await runtime.sleep(delay);
    }
  }
}
