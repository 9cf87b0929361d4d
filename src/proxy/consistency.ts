/** From a consistency level to the timestamp that a read must wait for (I 3.1). */

import { type Timestamp, composeTimestamp } from "../base/timestamp.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { ConsistencyLevel } from "../model/types.ts";
import type { Freshness } from "./requests.ts";

/** How stale a Bounded read may be. */
const GRACEFUL_MILLISECONDS = 5_000n;
const STRONG = 0n;
const EVENTUALLY = 1n;
const BOUNDED = 2n;

/**
 * `now` is a fresh timestamp. Small guarantee timestamps are words of old clients: 0 strong, 1 eventually, 2 bounded. A read never goes
 * behind the last change of its collection.
 */
export function guaranteeTimestamp(collection: CollectionInfo, freshness: Freshness, now: Timestamp): Timestamp {
  const level = freshness.useDefaultConsistency ? collection.consistencyLevel : freshness.consistencyLevel;
  const wanted = levelTimestamp(level, freshness.guaranteeTimestamp, now);
  const least = wanted > collection.updateTimestamp ? wanted : collection.updateTimestamp;
  // A client's timestamp may come from another clock; nothing can be waited for that the oracle has not reached.
  return least > now ? now : least;
}

function levelTimestamp(level: ConsistencyLevel, given: Timestamp, now: Timestamp): Timestamp {
  const bounded = now - composeTimestamp(GRACEFUL_MILLISECONDS);
  switch (level) {
    case ConsistencyLevel.Strong:
      return now;
    case ConsistencyLevel.Bounded:
      // A client that knows its own last write reads at least that.
      return given > BOUNDED && given > bounded ? given : bounded;
    case ConsistencyLevel.Eventually:
      return EVENTUALLY;
    default:
      if (given === STRONG) return now;
      return given === BOUNDED ? bounded : given;
  }
}
