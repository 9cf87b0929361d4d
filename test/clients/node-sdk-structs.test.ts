/** Arrays of structs through Milvus's SDK for Node: written, read, filtered, searched by lists and by elements, after a restart too. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, type MilvusClient, RRFRanker, type RowData } from "@zilliz/milvus2-sdk-node";
import { type Row, createKeyed, loadHalves, refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";

const collection_name = "structs";
const ROWS = 30;
const served = serveSuite();

interface Part {
  readonly number: number;
  readonly word: string;
  readonly list: readonly number[];
  readonly point: readonly number[];
}

function parts(id: number): Part[] {
  return Array.from({ length: id % 4 }, (_, at) => ({
    number: id * 10 + at,
    word: `ü${at}`,
    list: [id, at],
    point: [id + at / 4, at],
  }));
}

function row(id: number): Row {
  return { id, vector: [id, 1], parts: parts(id) };
}

/** Nearest by the sum, over the asked points, of the squared distance of the nearest part. */
function nearestLists(asked: readonly (readonly number[])[], limit: number): number[] {
  const squared = ([x, y]: readonly number[], [a, b]: readonly number[]): number => (x! - a!) ** 2 + (y! - b!) ** 2;
  const scored = Array.from({ length: ROWS }, (_, id) => ({ id, own: parts(id) }))
    .filter(({ own }) => own.length > 0)
    .map(({ id, own }) => {
      const sums = asked.map((point) => Math.min(...own.map(({ list }) => squared(list, point))));
      return { id, score: sums.reduce((sum, one) => sum + one, 0) };
    });
  return scored
    .toSorted((left, right) => left.score - right.score || left.id - right.id)
    .slice(0, limit)
    .map(({ id }) => id);
}

test("arrays of structs", async () => {
  await createKeyed(
    served.client,
    collection_name,
    [
      { name: "vector", data_type: DataType.FloatVector, dim: 2 },
      {
        name: "parts",
        data_type: DataType.Array,
        element_type: DataType.Struct,
        max_capacity: 4,
        fields: [
          { name: "number", data_type: DataType.Int32 },
          { name: "word", data_type: DataType.VarChar, max_length: 10 },
          { name: "list", data_type: DataType.FloatVector, dim: 2 },
          { name: "point", data_type: DataType.FloatVector, dim: 2 },
        ],
      },
    ],
    {
      index_params: [
        { field_name: "vector", index_type: "FLAT", metric_type: "L2" },
        { field_name: "parts[list]", index_type: "HNSW", metric_type: "MAX_SIM_L2" },
        { field_name: "parts[point]", index_type: "HNSW", metric_type: "L2" },
      ],
    },
  );
  const rows = Array.from({ length: ROWS }, (_, id) => row(id));
  await loadHalves(served.client, collection_name, rows as RowData[]);

  const hybrid = async (data: readonly object[]): Promise<unknown[][]> => {
    const asked = { collection_name, data, rerank: RRFRanker(60), limit: 2, output_fields: ["id"] };
    const found = succeeded(await served.client.hybridSearch(asked as Parameters<MilvusClient["hybridSearch"]>[0]));
    const hits = found.results as unknown as { id: string; offset?: unknown }[];
    return hits.map(({ id, offset }) => [Number(id), offset === undefined ? undefined : Number(offset)]);
  };
  const check = async (): Promise<void> => {
    const query = async (filter: string): Promise<Record<string, unknown>[]> =>
      succeeded(await served.client.query({ collection_name, filter, output_fields: ["*"], limit: 100 })).data;
    const answer = await query("id >= 0");
    assert.equal(answer.length, ROWS);
    for (const found of answer) assert.deepEqual(found["parts"], parts(Number(found["id"])));
    const ids = async (filter: string): Promise<number[]> =>
      (await query(filter)).map((found) => Number(found["id"])).toSorted((left, right) => left - right);
    assert.deepEqual(await ids("array_contains(parts[number], 71)"), [7]);
    assert.deepEqual(await ids('match_exact(parts, $[number] > 250 and $[word] != "ü1", threshold=2)'), [27]);

    const asked = [
      [7.2, 1],
      [12, 0],
    ];
    const lists = succeeded(
      await served.client.search({
        collection_name,
        anns_field: "parts[list]",
        data: [asked],
        limit: 3,
        output_fields: ["id"],
      }),
    );
    const first = (Array.isArray(lists.results[0]) ? lists.results[0] : lists.results) as { id: string }[];
    assert.deepEqual(
      first.map(({ id }) => Number(id)),
      nearestLists(asked, 3),
    );
    const elements = succeeded(
      await served.client.search({
        collection_name,
        anns_field: "parts[point]",
        data: [11.5, 2],
        limit: 2,
        output_fields: ["id", "parts[number]"],
        filter: "element_filter(parts, $[number] % 2 == 0)",
      }),
    );
    const hits = elements.results as unknown as { id: string; offset: unknown; parts: { number: number }[] }[];
    assert.deepEqual(
      hits.map(({ id, offset }) => [Number(id), Number(offset)]),
      [
        [11, 2],
        [11, 0],
      ],
    );
    assert.deepEqual(
      hits[0]!.parts.map(({ number }) => number),
      [110, 111, 112],
    );
    const point = { anns_field: "parts[point]", data: [11.5, 2], limit: 2 };
    assert.deepEqual(await hybrid([point, point]), [
      [11, 2],
      [11, 1],
    ]);
    const [nearest] = await hybrid([point, { anns_field: "vector", data: [11, 1], limit: 3 }]);
    assert.deepEqual(nearest, [11, undefined], "beside another vector elements are rows");
  };
  await check();
  refused(
    await served.client.insert({ collection_name, data: [{ ...row(1), parts: [...parts(3), ...parts(2)] }] }),
    "exceeds max capacity",
    1100,
  );
  await served.restart();
  await check();
});
