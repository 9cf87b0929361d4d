import assert from "node:assert/strict";
import { test } from "node:test";
import { composeTimestamp } from "../base/timestamp.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { ConsistencyLevel } from "../model/types.ts";
import { guaranteeTimestamp } from "./consistency.ts";

const NOW = composeTimestamp(1_000_000);
const collection = { consistencyLevel: ConsistencyLevel.Bounded, updateTimestamp: 3n } as CollectionInfo;

function guarantee(level: ConsistencyLevel, given: bigint, useDefault = false): bigint {
  return guaranteeTimestamp(
    collection,
    { consistencyLevel: level, useDefaultConsistency: useDefault, guaranteeTimestamp: given },
    NOW,
  );
}

test("each level waits for what it says", () => {
  assert.equal(guarantee(ConsistencyLevel.Strong, 0n), NOW);
  assert.equal(guarantee(ConsistencyLevel.Bounded, 0n), composeTimestamp(995_000));
  assert.equal(guarantee(ConsistencyLevel.Eventually, 0n), 3n, "the last change of the collection");
  assert.equal(guarantee(ConsistencyLevel.Session, composeTimestamp(999_000)), composeTimestamp(999_000));
  assert.equal(guarantee(ConsistencyLevel.Customized, composeTimestamp(999_500)), composeTimestamp(999_500));
});

test("old clients name levels by small timestamps", () => {
  assert.equal(guarantee(ConsistencyLevel.Customized, 0n), NOW);
  assert.equal(guarantee(ConsistencyLevel.Customized, 1n), 3n);
  assert.equal(guarantee(ConsistencyLevel.Customized, 2n), composeTimestamp(995_000));
});

test("the collection's own level counts where the client leaves it open", () => {
  assert.equal(guarantee(ConsistencyLevel.Strong, 0n, true), composeTimestamp(995_000));
  const known = composeTimestamp(999_999);
  assert.equal(guarantee(ConsistencyLevel.Strong, known, true), known, "a client reads at least its own last write");
});

test("a timestamp from a clock ahead of ours is not waited for", () => {
  assert.equal(guarantee(ConsistencyLevel.Session, NOW + 1_000n), NOW);
});
