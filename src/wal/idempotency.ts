/**
 * Writes that clients have named, so that one which is sent again does nothing and is answered as before.
 *
 * Always true:
 *  - a name has at most one effect while it is remembered: of two writes at once one works and the other waits for its outcome;
 *  - a write that failed leaves no name behind, and may be tried again under it;
 *  - the names of the last `MAX_KEYS` writes are remembered, over restarts too: records tell them, and for records that are gone the
 *    checkpoint does. An older name is a new one.
 *
 * Not here: whose names they are (a name begins with its collection's id).
 */

import { invalidParameter } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { columnRows } from "../model/columns.ts";
import { type KeyedWrite, type LogMessages, type Message, MessageType } from "../model/message.ts";

export const MAX_KEYS = 4096;
export const MAX_KEY_BYTES = 128;

type Effect = Omit<KeyedWrite, "key" | "timeTick">;

interface Remembered extends KeyedWrite {
  /** Its records come channel by channel: until the last one it is only a part. */
  readonly isWhole: boolean;
}

export class IdempotencyWindow {
  /** Oldest first. */
  readonly #writes = new Map<string, Remembered>();
  readonly #running = new Map<string, Promise<Timestamp>>();
  #latestTick: Timestamp = 0n;

  constructor(writes: readonly KeyedWrite[]) {
    for (const write of writes) this.#remember({ ...write, isWhole: true });
  }

  /** Oldest first: what a checkpoint has to keep. A write of which more records may come stands behind every checkpoint there is. */
  writes(): readonly KeyedWrite[] {
    const whole = this.#writes.values().filter(({ isWhole, timeTick }) => isWhole || timeTick < this.#latestTick);
    return Array.from(whole, plain);
  }

  /** Runs `write` unless one of that name took effect. @throws 1100 when the name stands for another write. */
  async once(
    key: string,
    messages: readonly Message[],
    write: () => Promise<Timestamp>,
  ): Promise<{ readonly timeTick: Timestamp; readonly repeated: KeyedWrite | null }> {
    // Its failure is that of its own caller; whoever waits here tries for himself then.
    for (let other = this.#running.get(key); other !== undefined; other = this.#running.get(key)) {
      await other.catch(() => undefined);
    }
    const effect = effectOf(messages);
    const known = this.#writes.get(key);
    if (known !== undefined) {
      if (known.insertCount !== effect.insertCount || known.deleteCount !== effect.deleteCount) {
        throw invalidParameter(
          `the idempotency key was used for another write: of ${known.insertCount} rows and ${known.deleteCount} deletes, ` +
            `not of ${effect.insertCount} and ${effect.deleteCount}`,
        );
      }
      return { timeTick: known.timeTick, repeated: plain(known) };
    }
    const running = write().then((timeTick) => {
      this.#remember({ key, timeTick, ...effect, isWhole: true });
      return timeTick;
    });
    this.#running.set(key, running);
    try {
      return { timeTick: await running, repeated: null };
    } finally {
      this.#running.delete(key);
    }
  }

  /** A record took effect. A write over several channels has one in each, all of one tick. */
  observe({ idempotencyKey: key, timeTick, messages }: LogMessages): void {
    this.#latestTick = timeTick;
    if (key === "") return;
    const known = this.#writes.get(key);
    if (known?.timeTick === timeTick && known.isWhole) return;
    const effect = effectOf(messages);
    const part = known?.timeTick === timeTick ? joined(known, effect) : effect;
    this.#remember({ key, timeTick, ...part, isWhole: false });
  }

  #remember(write: Remembered): void {
    this.#writes.delete(write.key);
    this.#writes.set(write.key, write);
    if (this.#writes.size > MAX_KEYS) this.#writes.delete(this.#writes.keys().next().value!);
  }
}

function plain(remembered: Remembered): KeyedWrite {
  const { isWhole: _, ...write } = remembered;
  return write;
}

function effectOf(messages: readonly Message[]): Effect {
  let effect: Effect = { firstRowId: 0n, insertCount: 0, deleteCount: 0 };
  for (const message of messages) {
    if (message.type === MessageType.Insert) {
      const firstRowId = message.rowIds.reduce((least, rowId) => (rowId < least ? rowId : least));
      effect = joined(effect, { firstRowId, insertCount: message.rowIds.length, deleteCount: 0 });
    } else if (message.type === MessageType.Delete) {
      effect = joined(effect, { firstRowId: 0n, insertCount: 0, deleteCount: columnRows(message.keys) });
    }
  }
  return effect;
}

function joined(left: Effect, right: Effect): Effect {
  const firstRowId =
    left.insertCount === 0
      ? right.firstRowId
      : right.insertCount === 0 || left.firstRowId < right.firstRowId
        ? left.firstRowId
        : right.firstRowId;
  return {
    firstRowId,
    insertCount: left.insertCount + right.insertCount,
    deleteCount: left.deleteCount + right.deleteCount,
  };
}
