import assert from "node:assert/strict";
import { test } from "node:test";
import { type ScalarBuild, buildScalarIndex } from "../index/scalar/build.ts";
import { bytesColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { buildInThread } from "./scalar-builds.ts";

const BUILD: ScalarBuild = { indexType: "INVERTED", place: null, minGram: 0, maxGram: 0 };

function column(rowCount: number) {
  return bytesColumn(
    DataType.VarChar,
    Array.from({ length: rowCount }, (_, row) => `text ${(row * 7919) % 1009}`),
  );
}

test("a thread builds the bytes that are built here, and leaves the column alone", async () => {
  const given = column(5_000);
  const built = await buildInThread(BUILD, given, new AbortController().signal);
  assert.deepEqual(Buffer.concat(built), Buffer.concat(buildScalarIndex(BUILD, given)));
  assert.equal(given.offsets.length, 5_001);
});

test("a build that fails says why", async () => {
  const wrong = { ...BUILD, indexType: "NGRAM", minGram: 1, maxGram: 2 };
  const numbers = { kind: "fixed", type: DataType.Int64, values: new BigInt64Array(3), valid: null } as const;
  await assert.rejects(buildInThread(wrong, numbers, new AbortController().signal), Error);
});

test("a build that is aborted ends, with the signal's reason", async () => {
  const stop = new AbortController();
  const building = buildInThread(
    { ...BUILD, indexType: "NGRAM", minGram: 1, maxGram: 8 },
    column(200_000),
    stop.signal,
  );
  const reason = new Error("enough");
  setTimeout(() => stop.abort(reason), 50);
  await assert.rejects(building, reason);
  await assert.rejects(buildInThread(BUILD, column(1), stop.signal), reason);
});
