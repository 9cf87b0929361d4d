/** The ways to read of the SDK for Node: hybrid searches, groups, orders, aggregates. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { DataType, type MilvusClient, RRFRanker, WeightedRanker } from "@zilliz/milvus2-sdk-node";
import { type Row, createKeyed, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";
import { drawnVectors } from "./nearest-rows.ts";

const COUNT = 120;
const DIMENSION = 8;
const collection_name = "reading";

describe("reading with Milvus's SDK for Node", () => {
  const served = serveSuite();
  const first = drawnVectors(COUNT, DIMENSION, 1);
  const second = drawnVectors(COUNT, DIMENSION, 2);
  const rowOf = (from: Float32Array, row: number): number[] => [
    ...from.subarray(row * DIMENSION, (row + 1) * DIMENSION),
  ];
  const colorOf = (row: number): string => ["red", "green", "blue"][row % 3]!;

  before(async () => {
    const vector = (name: string) => ({ name, data_type: DataType.FloatVector, dim: DIMENSION }) as const;
    await createKeyed(
      served.client,
      collection_name,
      [vector("first"), vector("second"), { name: "color", data_type: DataType.VarChar, max_length: 8 }],
      {
        index_params: ["first", "second"].map((field_name) => ({
          field_name,
          index_type: "FLAT",
          metric_type: "L2",
        })),
      },
    );
    const rows = Array.from({ length: COUNT }, (_, row) => ({
      id: row,
      first: rowOf(first, row),
      second: rowOf(second, row),
      color: colorOf(row),
    }));
    succeeded(await served.client.insert({ collection_name, data: rows }));
    succeeded(await served.client.loadCollectionSync({ collection_name }));
  });

  /** Rows by distance, nearest first. */
  function nearest(
    from: Float32Array,
    query: readonly number[],
  ): { readonly row: number; readonly distance: number }[] {
    return Array.from({ length: COUNT }, (_, row) => ({
      row,
      distance: rowOf(from, row).reduce((sum, value, at) => sum + (value - query[at]!) ** 2, 0),
    })).toSorted((left, right) => left.distance - right.distance);
  }

  const DEPTH = 20;
  const asked = [rowOf(first, 5), rowOf(second, 9)];
  const lists = [nearest(first, asked[0]!).slice(0, DEPTH), nearest(second, asked[1]!).slice(0, DEPTH)];

  async function hybrid(rerank: ReturnType<typeof RRFRanker> | ReturnType<typeof WeightedRanker>): Promise<Row[]> {
    const found = succeeded(
      await served.client.hybridSearch({
        collection_name,
        data: asked.map((vector, at) => ({ anns_field: ["first", "second"][at]!, data: vector, limit: DEPTH })),
        rerank,
        limit: 6,
        output_fields: ["id", "color"],
      } as Parameters<MilvusClient["hybridSearch"]>[0]),
    );
    return found.results as unknown as Row[];
  }

  function fused(add: (part: number, rank: number, distance: number) => number, sign: 1 | -1): Row[] {
    const sums = new Map<number, number>();
    for (const [part, list] of lists.entries()) {
      for (const [at, { row, distance }] of list.entries()) {
        sums.set(row, (sums.get(row) ?? 0) + add(part, at + 1, distance));
      }
    }
    return [...sums]
      .toSorted(([leftRow, left], [rightRow, right]) => sign * (left - right) || leftRow - rightRow)
      .slice(0, 6)
      .map(([row, score]) => ({ id: String(row), color: colorOf(row), score }));
  }

  function alike(actual: readonly Row[], wanted: readonly Row[]): void {
    assert.deepEqual(
      actual.map(({ id, color }) => ({ id, color })),
      wanted.map(({ id, color }) => ({ id, color })),
    );
    for (const [at, { score }] of actual.entries()) {
      assert.ok(Math.abs(Number(score) - Number(wanted[at]!["score"])) < 1e-5);
    }
  }

  test("a hybrid search by ranks and by weights", async () => {
    alike(
      await hybrid(RRFRanker(60)),
      fused((_part, rank) => 1 / (60 + rank), -1),
    );
    alike(
      await hybrid(WeightedRanker([0.75, 0.5])),
      fused((part, _rank, distance) => [0.75, 0.5][part]! * distance, 1),
    );
  });

  test("a search in groups", async () => {
    const found = succeeded(
      await served.client.search({
        collection_name,
        anns_field: "first",
        data: asked[0]!,
        limit: 2,
        group_by_field: "color",
        group_size: 2,
        output_fields: ["id", "color"],
      }),
    );
    const groups = new Map<string, number[]>();
    for (const { row } of nearest(first, asked[0]!)) {
      const rows = groups.get(colorOf(row)) ?? [];
      groups.set(colorOf(row), rows);
      if (rows.length < 2) rows.push(row);
    }
    assert.deepEqual(
      (found.results as unknown as Row[]).map(({ id }) => id),
      [...groups.values()].slice(0, 2).flat().map(String),
    );
  });

  test("a search in groups of several fields, and in buckets", async () => {
    const query = { collection_name, anns_field: "first", data: asked[0]! };
    const few = { ...query, filter: "id < 40", output_fields: ["id"] };
    const found = succeeded(await served.client.search({ ...few, limit: 5, params: { group_by_fields: "color,id" } }));
    const near = nearest(first, asked[0]!).filter(({ row }) => row < 40);
    assert.deepEqual(
      (found.results as unknown as (Row & { group_by_field_values: object })[]).map(({ id, ...hit }) => [
        id,
        hit.group_by_field_values,
      ]),
      near.slice(0, 5).map(({ row }) => [String(row), { color: colorOf(row), id: String(row) }]),
    );
    const search_aggregation = {
      fields: ["color"],
      size: 2,
      metrics: { last: { op: "max", field_name: "id" } },
      top_hits: { size: 3 },
    };
    const aggregated = succeeded(await served.client.search({ ...few, limit: 5, search_aggregation } as typeof few));
    const { agg_buckets: buckets } = aggregated as unknown as {
      agg_buckets: { count: unknown; metrics: Record<string, unknown>; hits: { id: unknown }[] }[];
    };
    const groups = Array.from(Map.groupBy(near, ({ row }) => colorOf(row)).values()).slice(0, 2);
    assert.deepEqual(
      buckets.map(({ count, metrics, hits }) => [
        Number(count),
        Number(metrics["last"]),
        hits.map(({ id }) => Number(id)),
      ]),
      groups.map((members) => {
        const rows = members.slice(0, 3).map(({ row }) => row);
        return [3, Math.max(...rows), rows];
      }),
    );
  });

  test("a function that ranks", async () => {
    const decay = { reranker: "decay", function: "linear", origin: 10, scale: 20, decay: 0.5 };
    const rerank = { name: "f", type: "Rerank", input_field_names: ["id"], params: decay };
    const query = { collection_name, anns_field: "first", data: asked[0]!, limit: 6, output_fields: ["id"] };
    const found = succeeded(await served.client.search({ ...query, rerank } as unknown as typeof query));
    const wanted = nearest(first, asked[0]!)
      .slice(0, 6)
      .map(({ row, distance }) => ({
        row,
        score: (1 - (2 * Math.atan(distance)) / Math.PI) * Math.max(0.5, 1 - (Math.abs(row - 10) * 0.5) / 20),
      }))
      .toSorted((left, right) => right.score - left.score);
    const hits = found.results as unknown as Row[];
    assert.deepEqual(
      hits.map(({ id }) => id),
      wanted.map(({ row }) => String(row)),
    );
    for (const [at, { score }] of hits.entries()) assert.ok(Math.abs(Number(score) - wanted[at]!.score) < 1e-5);
  });

  test("an aggregate beside the count of rows", async () => {
    const found = succeeded(
      await served.client.query({ collection_name, filter: "id < 50", output_fields: ["count(*)", "max(color)"] }),
    );
    assert.deepEqual(found.data, [{ "count(*)": "50", "max(color)": "red" }]);
  });
});
