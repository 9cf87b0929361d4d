/** Every type of vector through the Node SDK: rows growing, in files, and after a restart; searches against brute force. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, MetricType } from "@zilliz/milvus2-sdk-node";
import { type Row, refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";

const collection_name = "vectors";
const COUNT = 40;
const served = serveSuite();

/** Sixteenths, which halves hold exactly. */
function numbers(seed: number, length: number): number[] {
  return Array.from({ length }, (_, at) => (((seed * 37 + at * 11) % 61) - 30) / 16);
}

interface Entity {
  readonly id: number;
  readonly half: number[];
  readonly brain: number[];
  readonly small: number[];
  readonly bits: number[];
  readonly words: Record<string, number>;
}

const ROWS = Array.from({ length: COUNT }, (_, id): Entity => {
  const words: Record<string, number> = { "4294967294": 1 + (id % 3) };
  for (let at = 0; at < id % 4; at += 1) words[String((id + at) * 1009)] = (at + 1) / 4;
  return {
    id,
    half: numbers(id, 6),
    brain: numbers(id + 1, 4),
    small: numbers(id, 5).map((value) => value * 16),
    bits: [id, (id * 3) % 256],
    words,
  };
});

const FIELDS = {
  half: { data_type: DataType.Float16Vector, dim: 6, index_type: "HNSW", metric_type: MetricType.L2 },
  brain: { data_type: DataType.BFloat16Vector, dim: 4, index_type: "AUTOINDEX", metric_type: MetricType.IP },
  small: { data_type: DataType.Int8Vector, dim: 5, index_type: "HNSW", metric_type: MetricType.L2 },
  bits: { data_type: DataType.BinaryVector, dim: 16, index_type: "BIN_FLAT", metric_type: MetricType.HAMMING },
  words: { data_type: DataType.SparseFloatVector, index_type: "SPARSE_INVERTED_INDEX", metric_type: MetricType.IP },
} as const;
type Name = keyof typeof FIELDS;

/** Smaller is nearer; null: no hit. */
function score(name: Name, row: Entity, asked: Entity): number | null {
  const squared = (left: number[], right: number[]): number =>
    left.reduce((sum, value, at) => sum + (value - right[at]!) ** 2, 0);
  switch (name) {
    case "half":
      return squared(row.half, asked.half);
    case "brain":
      return -row.brain.reduce((sum, value, at) => sum + value * asked.brain[at]!, 0);
    case "small":
      return squared(row.small, asked.small);
    case "bits":
      return row.bits.reduce(
        (sum, byte, at) => sum + (byte ^ asked.bits[at]!).toString(2).replaceAll("0", "").length,
        0,
      );
    case "words": {
      const dot = Object.entries(row.words).reduce((sum, [at, value]) => sum + value * (asked.words[at] ?? 0), 0);
      return dot > 0 ? -dot : null;
    }
  }
}

async function check(where: string): Promise<void> {
  const answer = succeeded(await served.client.query({ collection_name, filter: "id >= 0", output_fields: ["*"] }));
  assert.equal(answer.data.length, COUNT, where);
  for (const row of answer.data) {
    const expected = ROWS[Number(row["id"])]!;
    for (const name of ["half", "brain", "small", "bits"] as const) {
      assert.deepEqual([...(row[name] as Iterable<number>)], expected[name], `${name} of ${expected.id} ${where}`);
    }
    assert.deepEqual(row["words"], expected.words, `words of ${expected.id} ${where}`);
  }
  for (const name of Object.keys(FIELDS) as Name[]) {
    const asked = ROWS[17]!;
    const wanted = ROWS.map((row) => [row.id, score(name, row, asked)] as const)
      .filter((entry): entry is readonly [number, number] => entry[1] !== null)
      .toSorted(([left, a], [right, b]) => a - b || left - right)
      .slice(0, 6);
    const found = succeeded(
      await served.client.search({ collection_name, anns_field: name, data: asked[name] as number[], limit: 6 }),
    );
    const hits = (found.results as unknown as Row[]).map((hit) => [Number(hit["id"]), Number(hit["score"])]);
    const sign = name === "brain" || name === "words" ? -1 : 1;
    assert.deepEqual(
      hits,
      wanted.map(([id, value]) => [id, sign * value]),
      `${name} ${where}`,
    );
  }
}

test("insert, read back and search every type of vector, also after a restart", async () => {
  const vectors = Object.entries(FIELDS).map(([name, { data_type, ...rest }]) => ({
    name,
    data_type,
    ...("dim" in rest ? { dim: rest.dim } : {}),
  }));
  succeeded(
    await served.client.createCollection({
      collection_name,
      fields: [{ name: "id", data_type: DataType.Int64, is_primary_key: true }, ...vectors],
      index_params: Object.entries(FIELDS).map(([field_name, { index_type, metric_type }]) => {
        return { field_name, index_type, metric_type };
      }),
      consistency_level: "Strong",
    }),
  );
  succeeded(await served.client.loadCollectionSync({ collection_name }));
  succeeded(await served.client.insert({ collection_name, data: ROWS.slice(0, 25) as never }));
  succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
  succeeded(await served.client.insert({ collection_name, data: ROWS.slice(25) as never }));
  await check("half in files");

  await served.restart();
  succeeded(await served.client.loadCollectionSync({ collection_name }));
  await check("after a restart");
  succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
  await check("all in files");

  const wrong = await served.client.search({ collection_name, anns_field: "bits", data: [1], limit: 1 });
  refused(wrong, "vector dimension mismatch, expected vector size(byte) 2, actual 1.", 1100);
});
