/**
 * Reads that come while a loaded collection is still on its way into memory, as after a restart, or again after a segment refused a delete, or
 * while a field is being dropped: they wait a while instead of failing, for no client repeats a refused read by itself.
 */

import { type MilvusError, asMilvusError, milvusError } from "../base/errors.ts";
import type { ProxyContext } from "./context.ts";
import type { Target } from "./requests.ts";

const WAIT_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 5;

/** Runs `read`, again when the collection was loaded and not served yet, or a segment knew less fields than the schema that was looked at. */
export async function whenServed<T>(context: ProxyContext, target: Target, read: () => Promise<T>): Promise<T> {
  const { runtime } = context;
  const end = runtime.monotonic() + WAIT_MILLISECONDS;
  for (;;) {
    try {
      return await read();
    } catch (thrown) {
      const error = asMilvusError(thrown);
      const isStale = error.kind === "CollectionSchemaVersionNotReady";
      if (!isStale && !(await isOnItsWay(context, target, error))) throw error;
      if (runtime.monotonic() >= end) {
        if (isStale) throw error;
        throw milvusError("CollectionNotFullyLoaded", "", { collection: target.collectionName }, error);
      }
      await runtime.sleep(LOOK_MILLISECONDS);
    }
  }
}

async function isOnItsWay(context: ProxyContext, target: Target, error: MilvusError): Promise<boolean> {
  if (error.kind === "CollectionOnRecovering") return true;
  if (error.kind !== "CollectionNotLoaded") return false;
  const { load } = await context.describeAll(target);
  if (load === null) return false;
  // A load that failed tells why, and that is a better answer than that nothing is loaded.
  await context.coordinator.loadProgress({ ...target, partitionNames: [] });
  return true;
}
