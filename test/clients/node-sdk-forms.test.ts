/**
 * The forms of reads that the seed documents name, through Milvus's SDK for Node: metrics, batches, pages, partitions, the past.
 *
 * This SDK gives the key of a hit only when it is asked for; it sends times of the past with queries, not with searches.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConsistencyLevelEnum, DataType } from "@zilliz/milvus2-sdk-node";
import { type Row, refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";
import { drawnVectors } from "./nearest-rows.ts";

const DIMENSION = 24;
const COUNT = 300;
const COLORS = ["red", "green", "blue"];
const METRICS = ["L2", "IP", "COSINE"] as const;
type Metric = (typeof METRICS)[number];

describe("forms of reads with Milvus's SDK for Node", () => {
  const served = serveSuite();
  const drawn = drawnVectors(COUNT + 5, DIMENSION, 4);
  const vectorOf = (row: number): number[] => [...drawn.subarray(row * DIMENSION, (row + 1) * DIMENSION)];
  const queries = Array.from({ length: 5 }, (_, at) => vectorOf(COUNT + at));
  const key = { name: "id", data_type: DataType.Int64, is_primary_key: true };

  function score(metric: Metric, row: number, query: readonly number[]): number {
    const own = vectorOf(row);
    if (metric === "L2") return own.reduce((sum, value, at) => sum + (value - query[at]!) ** 2, 0);
    const product = own.reduce((sum, value, at) => sum + value * query[at]!, 0);
    return metric === "IP" ? product : product / Math.hypot(...own) / Math.hypot(...query);
  }

  /** Of the rows that pass, best first. */
  function best(metric: Metric, query: readonly number[], passes: (row: number) => boolean = () => true): number[] {
    const sign = metric === "L2" ? 1 : -1;
    return Array.from({ length: COUNT }, (_, row) => ({ row, score: sign * score(metric, row, query) }))
      .filter(({ row }) => passes(row))
      .toSorted((left, right) => left.score - right.score || left.row - right.row)
      .map(({ row }) => row);
  }

  const idsOf = (hits: unknown): number[] => (hits as readonly Row[]).map((hit) => Number(hit["id"]));

  for (const metric of METRICS) {
    test(`${metric} searches: one query and several, pages, rings, vectors as outputs, and no other metric`, async () => {
      const collection_name = `forms_${metric.toLowerCase()}`;
      succeeded(
        await served.client.createCollection({
          collection_name,
          fields: [key, { name: "embedding", data_type: DataType.FloatVector, dim: DIMENSION }],
          enable_dynamic_field: true,
          index_params: [
            { field_name: "embedding", index_type: metric === "L2" ? "FLAT" : "AUTOINDEX", metric_type: metric },
          ],
          consistency_level: "Strong",
        }),
      );
      const data = Array.from({ length: COUNT }, (_, row) => ({
        id: row,
        embedding: vectorOf(row),
        color: COLORS[row % 3]!,
      }));
      succeeded(await served.client.insert({ collection_name, data: data.slice(0, 200) }));
      succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
      succeeded(await served.client.insert({ collection_name, data: data.slice(200) }));
      succeeded(await served.client.loadCollectionSync({ collection_name }));
      const search = async (more: object): Promise<unknown> =>
        succeeded(
          await served.client.search({ collection_name, data: queries[0]!, limit: 3, output_fields: ["id"], ...more }),
        ).results;

      const single = (await search({})) as readonly Row[];
      assert.deepEqual(
        Object.keys(single[0]!).toSorted(),
        ["id", "score"],
        "a hit is its key, its score, and what was asked for",
      );
      assert.deepEqual(idsOf(single), best(metric, queries[0]!).slice(0, 3));
      for (const hit of single) {
        assert.ok(Math.abs(Number(hit["score"]) - score(metric, Number(hit["id"]), queries[0]!)) < 1e-4);
      }
      const batch = (await search({ data: queries, limit: 20 })) as readonly unknown[];
      assert.deepEqual(
        batch.map(idsOf),
        queries.map((query) => best(metric, query).slice(0, 20)),
      );
      assert.deepEqual(idsOf(await search({ limit: 5, offset: 10 })), best(metric, queries[0]!).slice(10, 15));
      assert.equal(idsOf(await search({ limit: 10, offset: 295 })).length, 5, "the last page is short");

      const full = (await search({ limit: 4, output_fields: ["id", "embedding", "color"] })) as readonly Row[];
      for (const hit of full) {
        assert.deepEqual(hit["embedding"], vectorOf(Number(hit["id"])));
        assert.equal(hit["color"], COLORS[Number(hit["id"]) % 3]);
      }
      const ordered = best(metric, queries[0]!);
      const [outer, inner] = [ordered[30]!, ordered[10]!].map((row) => score(metric, row, queries[0]!));
      const ring = new Set(idsOf(await search({ limit: 100, params: { radius: outer, range_filter: inner } })));
      // The rows at the very bounds are in or out by a rounding of 32 bits.
      assert.ok(ordered.slice(11, 30).every((row) => ring.has(row)));
      assert.ok([...ring].every((row) => ordered.slice(10, 31).includes(row)));

      const blue = (row: number): boolean => row % 3 === 2;
      const filtered = await search({ limit: 10, filter: 'color == "blue"' });
      assert.deepEqual(idsOf(filtered), best(metric, queries[0]!, blue).slice(0, 10));
      const templated = await search({ limit: 10, filter: "color in {colors}", exprValues: { colors: ["blue"] } });
      assert.deepEqual(idsOf(templated), idsOf(filtered));
      assert.deepEqual(await search({ limit: 10, filter: 'color == "pink"' }), []);

      const wrong = metric === "IP" ? "L2" : "IP";
      refused(
        await served.client.search({ collection_name, data: queries[0]!, limit: 3, metric_type: wrong }),
        `metric type not match: invalid parameter[expected=${metric}][actual=${wrong}]`,
        1100,
      );
      succeeded(await served.client.dropCollection({ collection_name }));
    });
  }

  test("partitions, a filter, several queries, outputs and a consistency level in one search", async () => {
    const collection_name = "together";
    succeeded(
      await served.client.createCollection({
        collection_name,
        fields: [
          key,
          { name: "embedding", data_type: DataType.FloatVector, dim: DIMENSION },
          { name: "color", data_type: DataType.VarChar, max_length: 8 },
          { name: "size", data_type: DataType.Int32 },
        ],
        shards_num: 2,
        index_params: [{ field_name: "embedding", index_type: "FLAT", metric_type: "L2" }],
        consistency_level: "Bounded",
      }),
    );
    const partitions = ["first", "second", "third"];
    for (const [at, partition_name] of partitions.entries()) {
      succeeded(await served.client.createPartition({ collection_name, partition_name }));
      const data = Array.from({ length: COUNT }, (_, row) => row)
        .filter((row) => row % 3 === at)
        .map((row) => ({ id: row, embedding: vectorOf(row), color: COLORS[(row >> 2) % 3]!, size: row % 17 }));
      succeeded(await served.client.insert({ collection_name, partition_name, data }));
      if (at === 0) succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    }
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    const found = succeeded(
      await served.client.search({
        collection_name,
        partition_names: ["first", "third"],
        data: queries as never,
        filter: 'color in ["red", "blue"] and size > 5',
        limit: 12,
        output_fields: ["id", "size", "color", "embedding"],
        consistency_level: ConsistencyLevelEnum.Strong,
      }),
    );
    const passes = (row: number): boolean => row % 3 !== 1 && (row >> 2) % 3 !== 1 && row % 17 > 5;
    for (const [at, hits] of (found.results as unknown as Row[][]).entries()) {
      assert.deepEqual(idsOf(hits), best("L2", queries[at]!, passes).slice(0, 12));
      for (const hit of hits) {
        const row = Number(hit["id"]);
        assert.deepEqual(
          [hit["size"], hit["color"], hit["embedding"]],
          [row % 17, COLORS[(row >> 2) % 3], vectorOf(row)],
        );
      }
    }
    refused(
      await served.client.query({ collection_name, filter: "partition_name == 'first'" }),
      "field partition_name not exist; partitions are chosen by partition_names",
      1100,
    );
    const within = succeeded(
      await served.client.query({
        collection_name,
        filter: "id >= 0",
        partition_names: ["second"],
        output_fields: ["id"],
      }),
    );
    assert.deepEqual(
      idsOf(within.data).toSorted((left, right) => left - right),
      Array.from({ length: COUNT }, (_, row) => row).filter((row) => row % 3 === 1),
    );
    refused(
      await served.client.query({ collection_name, filter: "id >= 0", partition_names: ["fourth"] }),
      "fourth",
      200,
    );
    refused(
      await served.client.dropPartition({ collection_name, partition_name: "second" }),
      "partition cannot be dropped, partition is loaded",
      1100,
    );
    succeeded(await served.client.releasePartitions({ collection_name, partition_names: ["second"] }));
    refused(
      await served.client.query({ collection_name, filter: "id >= 0", partition_names: ["second"] }),
      "partition not loaded",
      201,
    );
    succeeded(await served.client.loadPartitionsSync({ collection_name, partition_names: ["second"] }));
    const counted = succeeded(
      await served.client.query({
        collection_name,
        filter: "",
        partition_names: ["second"],
        output_fields: ["count(*)"],
      }),
    );
    assert.deepEqual(counted.data, [{ "count(*)": "100" }]);
    succeeded(await served.client.dropCollection({ collection_name }));
  });

  test("the collection of seed 004: VARCHAR 1024, a vector of 1024, IVF_FLAT with IP and nlist 1024", async () => {
    const collection_name = "video_push";
    const dim = 1_024;
    const rows = drawnVectors(51, dim, 9);
    const rowOf = (row: number): number[] => [...rows.subarray(row * dim, (row + 1) * dim)];
    succeeded(
      await served.client.createCollection({
        collection_name,
        description: "video_push",
        fields: [
          { ...key, autoID: false },
          { name: "content", data_type: DataType.VarChar, max_length: 1_024 },
          { name: "embedding", data_type: DataType.FloatVector, dim },
        ],
        consistency_level: "Strong",
      }),
    );
    assert.equal((await served.client.hasCollection({ collection_name })).value, true);
    const declared = { metric_type: "IP", index_type: "IVF_FLAT", params: { nlist: 1_024 } };
    succeeded(await served.client.createIndex({ collection_name, field_name: "embedding", ...declared }));
    const [index] = succeeded(await served.client.describeIndex({ collection_name })).index_descriptions;
    const told = new Map(index!.params.map(({ key: name, value }) => [name, value]));
    assert.deepEqual(
      [index!.field_name, told.get("index_type"), told.get("metric_type"), JSON.parse(String(told.get("params")))],
      ["embedding", "IVF_FLAT", "IP", { nlist: 1_024 }],
    );
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    assert.equal((await served.client.getLoadState({ collection_name })).state, "LoadStateLoaded");
    const contents = Array.from(
      { length: 50 },
      (_, row) => ["ü".repeat(512), "", 'a\nb\t"c"', "漢字🪁"][row] ?? `content ${row}`,
    );
    const data = contents.map((content, id) => ({ id, content, embedding: rowOf(id) }));
    assert.equal(succeeded(await served.client.insert({ collection_name, data })).insert_cnt, "50");
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    const statistics = succeeded(await served.client.getCollectionStatistics({ collection_name }));
    assert.equal(statistics.data["row_count"], "50");
    const asked = rowOf(50);
    const product = (row: number): number => rowOf(row).reduce((sum, value, at) => sum + value * asked[at]!, 0);
    const found = succeeded(
      await served.client.search({
        collection_name,
        anns_field: "embedding",
        data: asked,
        metric_type: "IP",
        params: { nprobe: 1_024 },
        limit: 7,
        output_fields: ["id", "content"],
      }),
    );
    const nearest = contents.map((_, row) => row).toSorted((left, right) => product(right) - product(left));
    assert.deepEqual(idsOf(found.results), nearest.slice(0, 7));
    for (const hit of found.results as unknown as Row[]) {
      assert.equal(hit["content"], contents[Number(hit["id"])]);
      assert.ok(Math.abs(Number(hit["score"]) - product(Number(hit["id"]))) < 1e-2);
    }
    const first = succeeded(
      await served.client.query({ collection_name, expr: "id < 4", output_fields: ["content", "embedding"] }),
    ).data.toSorted((left, right) => Number(left["id"]) - Number(right["id"]));
    for (const [row, { content, embedding }] of first.entries()) {
      assert.deepEqual([content, embedding], [contents[row], rowOf(row)]);
    }
    assert.equal(first.length, 4);
    succeeded(await served.client.releaseCollection({ collection_name }));
    assert.equal((await served.client.getLoadState({ collection_name })).state, "LoadStateNotLoad");
    succeeded(await served.client.dropCollection({ collection_name }));
    assert.equal((await served.client.hasCollection({ collection_name })).value, false);
  });

  test("windows: 16,384 is in, 16,385 is out; equal distances come in the order of keys", async () => {
    const collection_name = "window";
    const count = 16_500;
    succeeded(
      await served.client.createCollection({
        collection_name,
        dimension: 2,
        metric_type: "L2",
        consistency_level: "Strong",
      }),
    );
    // Keys arrive in disorder, and each place on the line is taken by two rows.
    const keys = Array.from({ length: count }, (_, at) => (at * 7_919) % count);
    for (let from = 0; from < count; from += 5_500) {
      const data = keys.slice(from, from + 5_500).map((id) => ({ id, vector: [id >> 1, 0] }));
      succeeded(await served.client.insert({ collection_name, data }));
      if (from === 5_500) succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    }
    const search = (more: object) =>
      served.client.search({ collection_name, data: [0, 0], output_fields: ["id"], limit: 1, ...more });
    const upTo = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, at) => from + at);
    assert.deepEqual(idsOf(succeeded(await search({ limit: 16_384 })).results), upTo(0, 16_384));
    assert.deepEqual(idsOf(succeeded(await search({ limit: 4, offset: 16_380 })).results), upTo(16_380, 16_384));
    refused(await search({ limit: 16_385 }), "[1, 16384], but got 16385", 1100);
    refused(await search({ limit: 5, offset: 16_380 }), "should be in range [1, 16384], but got 16385", 1100);
    const query = (more: object) =>
      served.client.query({ collection_name, filter: "id >= 0", output_fields: ["id"], ...more });
    assert.equal(succeeded(await query({ limit: 16_384 })).data.length, 16_384);
    refused(await query({ limit: 16_385 }), "(offset+limit) should be in range [1, 16384], but got 16385", 1100);
    const pages = [await query({ limit: 1_000 }), await query({ limit: 1_000, offset: 1_000 })];
    assert.equal(new Set(pages.flatMap((page) => idsOf(succeeded(page).data))).size, 2_000, "pages do not overlap");
    succeeded(await served.client.dropCollection({ collection_name }));
  });

  test("reads of the past: queries as of a time, from growing rows and from files", async () => {
    const collection_name = "past";
    succeeded(
      await served.client.createCollection({
        collection_name,
        dimension: DIMENSION,
        metric_type: "L2",
        consistency_level: "Strong",
      }),
    );
    const rowOf = (id: number): Row => ({ id, vector: vectorOf(id), text: `t${id}` });
    const insert = (ids: readonly number[]) => served.client.insert({ collection_name, data: ids.map(rowOf) as never });
    succeeded(await insert([1, 2]));
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    const written = String(succeeded(await insert([3, 4])).timestamp);
    succeeded(await served.client.delete({ collection_name, ids: [2] }));
    const changed = String(
      succeeded(await served.client.upsert({ collection_name, data: [{ ...rowOf(3), text: "new" }] as never }))
        .timestamp,
    );
    succeeded(await insert([5]));
    const asOf = async (travel_timestamp: string): Promise<unknown[]> => {
      const asked = { collection_name, filter: "id > 0", output_fields: ["text"], travel_timestamp };
      const { data } = succeeded(await served.client.query(asked));
      return data.map((row) => [Number(row["id"]), (row["$meta"] as Row)["text"]]);
    };
    const check = async (): Promise<void> => {
      assert.deepEqual(await asOf(written), [
        [1, "t1"],
        [2, "t2"],
        [3, "t3"],
        [4, "t4"],
      ]);
      assert.deepEqual(await asOf(changed), [
        [1, "t1"],
        [3, "new"],
        [4, "t4"],
      ]);
      assert.deepEqual(await asOf("0"), [
        [1, "t1"],
        [3, "new"],
        [4, "t4"],
        [5, "t5"],
      ]);
    };
    await check();
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    await check();
    succeeded(await served.client.dropCollection({ collection_name }));
  });
});
