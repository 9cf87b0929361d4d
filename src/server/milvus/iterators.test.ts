import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { SearchResults } from "../wire/generated/milvus_pb.js";
import { createQuick, int64s, load, ok, params, searchFor, service, vectors } from "./testing/messages.ts";
import { served } from "./testing/served.ts";

const QUERY = [1, 2, 0, 0];
const ROWS = 300;

/** Few different values, so that many scores are alike. */
const row = (id: number): number[] => [id % 7, (id * id) % 5, id % 3 === 0 ? 1 : 0, 1];

describe("iterators", () => {
  const db = served();

  before(async () => {
    for (const metric of ["L2", "IP", "COSINE"]) {
      await createQuick(db.client, `by_${metric}`, { metric });
      await load(db.client, `by_${metric}`);
      await put(`by_${metric}`, 0, ROWS);
    }
  });

  async function put(collectionName: string, from: number, to: number): Promise<void> {
    const ids = Array.from({ length: to - from }, (_, at) => from + at);
    const fieldsData = [int64s("id", ids), vectors(ids.map(row))];
    ok(await db.client.call(service.insert, { collectionName, fieldsData, numRows: ids.length }));
  }

  async function idOf(collectionName: string): Promise<string> {
    return String((await db.client.call(service.describeCollection, { collectionName })).collectionID);
  }

  function page(
    collectionName: string,
    batchSize: number,
    collectionId: string,
    previous: SearchResults | null,
    more: Readonly<Record<string, string>> = {},
  ): Promise<SearchResults> {
    const iterated = {
      topk: String(batchSize),
      iterator: "True",
      search_iter_v2: "True",
      search_iter_batch_size: String(batchSize),
      collection_id: collectionId,
      ...more,
    };
    const last = previous?.results!.searchIteratorV2Results;
    const continued: Readonly<Record<string, string>> =
      last === undefined ? {} : { search_iter_id: last.token, search_iter_last_bound: String(last.lastBound) };
    const guarantee = previous === null ? {} : { guaranteeTimestamp: previous.sessionTs };
    return db.client.call(service.search, searchFor(collectionName, [QUERY], { ...iterated, ...continued }, guarantee));
  }

  const keysOf = (answer: SearchResults): bigint[] => [...(answer.results!.ids!.idField.value!.data as bigint[])];

  async function walk(
    collectionName: string,
    batchSize: number,
    more: Readonly<Record<string, string>> = {},
    between: (at: number) => Promise<void> = async () => {},
  ): Promise<bigint[]> {
    const collectionId = await idOf(collectionName);
    const keys: bigint[] = [];
    let previous: SearchResults | null = null;
    for (let at = 0; ; at += 1) {
      const answer: SearchResults = await page(collectionName, batchSize, collectionId, previous, more);
      ok(answer);
      const { results } = answer;
      assert.match(results!.searchIteratorV2Results!.token, /^[0-9a-f]{8}-/);
      if (previous !== null) {
        assert.equal(results!.searchIteratorV2Results!.token, previous.results!.searchIteratorV2Results!.token);
      }
      if (results!.topks[0] === 0n) return keys;
      assert.ok(keysOf(answer).length <= batchSize);
      keys.push(...keysOf(answer));
      previous = answer;
      await between(at);
    }
  }

  for (const metric of ["L2", "IP", "COSINE"]) {
    test(`walk through every hit by ${metric}, in the order of one search, each once`, async () => {
      const whole = await db.client.call(service.search, searchFor(`by_${metric}`, [QUERY], { topk: String(ROWS) }));
      ok(whole);
      const all = keysOf(whole);
      assert.equal(all.length, ROWS);
      for (const batchSize of [70, 99, ROWS - 1, ROWS, 5_000]) {
        assert.deepEqual(await walk(`by_${metric}`, batchSize), all, `${batchSize} hits a page`);
      }
    });
  }

  test("repeat nothing where more hits than a page holds are alike", async () => {
    const keys = await walk("by_L2", 10);
    assert.equal(new Set(keys).size, keys.length);
  });

  test("stay inside a range", async () => {
    const range = { params: '{"radius":9,"range_filter":2}' };
    const whole = await db.client.call(service.search, searchFor("by_L2", [QUERY], { topk: "300", ...range }));
    ok(whole);
    assert.ok(keysOf(whole).length > 50 && keysOf(whole).length < ROWS);
    assert.deepEqual(await walk("by_L2", 70, range), keysOf(whole));
  });

  test("see what was there at their first page, whatever is written meanwhile", async () => {
    const collectionName = "changing";
    await createQuick(db.client, collectionName);
    await load(db.client, collectionName);
    await put(collectionName, 0, ROWS);
    const whole = await db.client.call(service.search, searchFor(collectionName, [QUERY], { topk: String(ROWS) }));
    const keys = await walk(collectionName, 70, {}, async (at) => {
      if (at !== 0) return;
      await put(collectionName, ROWS, ROWS + 100);
      ok(await db.client.call(service.delete, { collectionName, expr: "id % 2 == 0" }));
      ok(await db.client.call(service.flush, { collectionNames: [collectionName] }));
    });
    assert.deepEqual(keys, keysOf(whole));
    const now = await db.client.call(service.search, searchFor(collectionName, [QUERY], { topk: "1000" }));
    assert.equal(keysOf(now).length, 200);
  });

  test("over queries see it, too", async () => {
    const collectionName = "by_IP";
    const read = async (expr: string, guaranteeTimestamp = 0n) => {
      const answer = await db.client.call(service.query, {
        collectionName,
        expr,
        outputFields: ["id"],
        queryParams: params({
          iterator: "True",
          reduce_stop_for_best: "True",
          limit: "100",
          collection_id: await idOf(collectionName),
        }),
        guaranteeTimestamp,
        useDefaultConsistency: true,
      });
      ok(answer);
      const { field } = answer.fieldsData[0]!;
      assert.ok(field.case === "scalars" && field.value.data.case === "longData");
      return { keys: field.value.data.value.data, sessionTs: answer.sessionTs };
    };
    const first = await read("id >= 0");
    assert.deepEqual(
      first.keys,
      Array.from({ length: 100 }, (_, at) => BigInt(at)),
    );
    ok(await db.client.call(service.delete, { collectionName, expr: "id in [150]" }));
    const second = await read("id > 99", first.sessionTs);
    assert.deepEqual(
      second.keys,
      Array.from({ length: 100 }, (_, at) => BigInt(100 + at)),
    );
    const fresh = await read("id > 99");
    assert.equal(fresh.keys.includes(150n), false);
  });

  test("are refused when their parameters do not fit", async () => {
    const collectionId = await idOf("by_L2");
    const refused = async (more: Readonly<Record<string, string>>, text: string): Promise<void> => {
      const { status } = await page("by_L2", 10, collectionId, null, more);
      assert.deepEqual([status!.code, status!.reason], [1100, `${text}: invalid parameter`]);
    };
    await refused({ iterator: "False" }, "both iterator and search_iter_v2 must be set in the SDK");
    await refused({ search_iter_batch_size: "" }, "batch size is required");
    await refused({ search_iter_batch_size: "0" }, "batch size is invalid");
    await refused({ search_iter_batch_size: "16385" }, "batch size is invalid");
    await refused({ search_iter_id: "a token" }, "invalid token format");
    await refused(
      { collection_id: "7" },
      `collection id:7 in the request is not consistent to that in the search context,alias or database may have been changed: ${collectionId}`,
    );
  });
});
