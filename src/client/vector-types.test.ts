/** Every type of vector through an embedded database: rows, columns, searches, nulls, and a restart. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Elanus } from "./connect.ts";
import { connect } from "./connect.ts";

interface Row {
  readonly id: number;
  readonly half: Float32Array;
  readonly brain: Float32Array;
  readonly small: Int8Array;
  readonly bits: Uint8Array;
  readonly words: Record<number, number>;
  readonly maybe: Float32Array | null;
}

const COUNT = 50;

/** Numbers that 8 bits of fraction hold, so that halves are exact. */
function numbers(seed: number, length: number): number[] {
  return Array.from({ length }, (_, at) => (((seed * 37 + at * 11) % 61) - 30) / 16);
}

function rowOf(id: number): Row {
  const words: Record<number, number> = {};
  for (let at = 0; at < id % 5; at += 1) words[(id * 7919 * (at + 1)) % 4_000_000_000] = (at + 1) / 4;
  words[4_294_967_294] = 1 + (id % 3);
  return {
    id,
    half: Float32Array.from(numbers(id, 6)),
    brain: Float32Array.from(numbers(id + 1, 4)),
    small: Int8Array.from(numbers(id, 5), (value) => value * 16),
    bits: Uint8Array.from([id % 256, (id * 3) % 256]),
    words,
    maybe: id % 3 === 0 ? null : Float32Array.from(numbers(id, 3)),
  };
}

const ROWS = Array.from({ length: COUNT }, (_, id) => rowOf(id));

function dot(left: Record<number, number>, right: Record<number, number>): number {
  return Object.entries(left).reduce((sum, [index, value]) => sum + value * (right[Number(index)] ?? 0), 0);
}

function ranked(score: (row: Row) => number | null): [number, number][] {
  return ROWS.map((row): [number, number | null] => [row.id, score(row)])
    .filter((entry): entry is [number, number] => entry[1] !== null)
    .toSorted(([left, a], [right, b]) => a - b || left - right)
    .slice(0, 8);
}

const squared = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Array.from(left).reduce((sum, value, at) => sum + (value - right[at]!) ** 2, 0);

function bitsApart(left: Uint8Array, right: Uint8Array): number {
  return left.reduce((sum, byte, at) => sum + (byte ^ right[at]!).toString(2).replaceAll("0", "").length, 0);
}

async function check(db: Elanus): Promise<void> {
  const rows = await db.query<Row>("all", { filter: "id >= 0" });
  assert.deepEqual(rows, ROWS);
  const found = async (field: string, vector: Row["half"] | Int8Array | Uint8Array | Record<number, number>) =>
    (await db.search("all", { vector, field, limit: 8 })).map(({ id, score }) => [id, score]);
  const [asked] = ROWS.slice(7);
  assert.deepEqual(
    await found("half", asked!.half),
    ranked(({ half }) => squared(half, asked!.half)),
  );
  assert.deepEqual(
    await found("brain", asked!.brain),
    ranked(({ brain }) => squared(brain, asked!.brain)),
  );
  assert.deepEqual(
    await found("small", asked!.small),
    ranked(({ small }) => squared(small, asked!.small)),
  );
  assert.deepEqual(
    await found("bits", asked!.bits),
    ranked(({ bits }) => bitsApart(bits, asked!.bits)),
  );
  assert.deepEqual(
    await found("words", asked!.words),
    ranked(({ words }) => -dot(words, asked!.words)).map(([id, score]) => [id, -score]),
  );
  const maybe = asked!.maybe!;
  assert.deepEqual(
    await found("maybe", maybe),
    ranked((row) => (row.maybe === null ? null : squared(row.maybe, maybe))),
  );
}

test("vectors of every type: rows, flush, restart, columns", async (context) => {
  const path = await mkdtemp(join(tmpdir(), "elanus-vectors-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  const db = await connect(path);
  await db.createCollection({
    name: "all",
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "half", type: "Float16Vector", dimension: 6 },
      { name: "brain", type: "BFloat16Vector", dimension: 4 },
      { name: "small", type: "Int8Vector", dimension: 5 },
      { name: "bits", type: "BinaryVector", dimension: 16 },
      { name: "words", type: "SparseFloatVector" },
      { name: "maybe", type: "FloatVector", dimension: 3, nullable: true },
    ],
    indexes: [
      ...["half", "brain", "small", "maybe"].map((field) => ({ field, metricType: "L2" as const })),
      { field: "bits", metricType: "HAMMING" },
      { field: "words", metricType: "IP" },
    ],
  });
  await db.insert("all", ROWS.slice(0, 20));
  await db.flush("all");
  await db.insert("all", ROWS.slice(20));
  await check(db);
  await db.close();

  const again = await connect(path);
  await check(again);
  await again.flush("all");
  await check(again);

  // The same as columns, halves as raw bits where that is wanted.
  await again.delete("all", { filter: "id >= 0" });
  await again.insert("all", {
    id: BigInt64Array.from(ROWS, ({ id }) => BigInt(id)),
    half: Float32Array.from(ROWS.flatMap(({ half }) => [...half])),
    brain: Uint16Array.from(
      ROWS.flatMap(({ brain }) => [...brain]),
      (value) => {
        const float = Float32Array.of(value);
        return new Uint16Array(float.buffer)[1]!;
      },
    ),
    small: Int8Array.from(ROWS.flatMap(({ small }) => [...small])),
    bits: Uint8Array.from(ROWS.flatMap(({ bits }) => [...bits])),
    words: ROWS.map(({ words }) => new Map(Object.entries(words).map(([index, value]) => [Number(index), value]))),
    maybe: ROWS.map(({ maybe }) => maybe),
  });
  await check(again);

  const bad = { ...ROWS[0]! };
  const refused = (row: object, message: RegExp): Promise<void> => assert.rejects(again.insert("all", [row]), message);
  await refused({ ...bad, small: [1, 2, 3, 4, 128] }, /an Int8Array or an array of 5 integers.*entry 4 is none/);
  await refused({ ...bad, bits: [1] }, /a Uint8Array or an array of 2 bytes/);
  await refused({ ...bad, words: { "-1": 1 } }, /an object or Map from index/);
  await refused({ ...bad, words: { 1: -1 } }, /negative value in sparse float vector/);
  await refused({ ...bad, half: [1, 2, 3, 4, 5, 70_000] }, /value '\+Inf' is not a number or infinity/);
  await refused({ ...bad, half: null }, /no value for field half/);
  await assert.rejects(again.search("all", { vector: [1, 2], field: "words" }), /vector type must be the same/);
  await assert.rejects(again.search("all", { vector: { 1: NaN }, field: "words" }), /NaN or Inf/);
  await again.close();
});
