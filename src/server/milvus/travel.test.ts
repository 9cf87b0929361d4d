import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { SearchRequestSchema } from "../wire/generated/milvus_pb.js";
import { create } from "@bufbuild/protobuf";
import { createQuick, int64s, load, ok, params, searchFor, service, vectors } from "./testing/messages.ts";
import { served } from "./testing/served.ts";

const ROWS = "rows";

describe("reads of the past", () => {
  const db = served();
  /** When rows 1 to 4 were there as they were written; when 2 was deleted and 3 written again. */
  let written = 0n;
  let changed = 0n;

  const write = async (method: "insert" | "upsert", ids: readonly number[], x: number): Promise<bigint> => {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [x, id, 0, 0]))];
    const answer = await db.client.call(service[method], { collectionName: ROWS, fieldsData, numRows: ids.length });
    ok(answer);
    return answer.timestamp;
  };

  before(async () => {
    await createQuick(db.client, ROWS);
    await load(db.client, ROWS);
    await write("insert", [1, 2], 0);
    ok(await db.client.call(service.flush, { collectionNames: [ROWS] }));
    written = await write("insert", [3, 4], 0);
    ok(await db.client.call(service.delete, { collectionName: ROWS, expr: "id == 2" }));
    changed = await write("upsert", [3], 9);
    await write("insert", [5], 0);
  });

  const search = async (travelTimestamp: bigint, given: Readonly<Record<string, string>> = {}): Promise<bigint[]> => {
    const request = searchFor(ROWS, [[0, 0, 0, 0]], { topk: "10", ...given }, { travelTimestamp });
    const answer = await db.client.call(service.search, request);
    ok(answer);
    assert.ok(answer.results?.ids?.idField.case === "intId");
    return answer.results.ids.idField.value.data;
  };

  const query = async (
    travelTimestamp: bigint,
    outputFields: readonly string[],
    given: Readonly<Record<string, string>> = {},
  ): Promise<bigint[]> => {
    const answer = await db.client.call(service.query, {
      collectionName: ROWS,
      expr: "id > 0",
      outputFields: [...outputFields],
      travelTimestamp,
      queryParams: params(given),
      useDefaultConsistency: true,
    });
    ok(answer);
    const column = answer.fieldsData[0]!.field;
    assert.ok(column.case === "scalars" && column.value.data.case === "longData");
    return column.value.data.value.data;
  };

  for (const [when, at, ids, nearest] of [
    ["before the changes", () => written, [1n, 2n, 3n, 4n], [1n, 2n, 3n, 4n]],
    ["after them", () => changed, [1n, 3n, 4n], [1n, 4n, 3n]],
    ["now", () => 0n, [1n, 3n, 4n, 5n], [1n, 4n, 5n, 3n]],
  ] as const) {
    test(`every kind of read sees the rows of then: ${when}`, async () => {
      const time = at();
      assert.deepEqual(await search(time), [...nearest]);
      assert.deepEqual(await query(time, ["id"]), [...ids]);
      assert.deepEqual(await query(time, ["id"], { limit: "9", order_by_fields: "id:desc" }), ids.toReversed());
      assert.deepEqual(await query(time, ["count(*)"]), [BigInt(ids.length)]);
      assert.deepEqual(await query(time, ["max(id)"]), [ids.at(-1)!]);
      const part = searchFor(ROWS, [[0, 0, 0, 0]], { topk: "10" });
      const hybrid = await db.client.call(service.hybridSearch, {
        collectionName: ROWS,
        requests: [part, part].map((init) => create(SearchRequestSchema, init)),
        rankParams: params({ limit: "10" }),
        travelTimestamp: time,
        useDefaultConsistency: true,
      });
      ok(hybrid);
      assert.ok(hybrid.results?.ids?.idField.case === "intId");
      assert.deepEqual(hybrid.results.ids.idField.value.data, [...nearest]);
    });
  }

  test("the future, and a past from before the collection or its truncation, are refused", async () => {
    const refused = async (travelTimestamp: bigint): Promise<string> => {
      const answer = await db.client.call(service.search, searchFor(ROWS, [[0, 0, 0, 0]], {}, { travelTimestamp }));
      assert.equal(answer.status?.code, 1100);
      return answer.status.reason;
    };
    assert.match(await refused(written + (1n << 40n)), /lies in the future/);
    assert.match(await refused(7n), /before the collection was created/);
    ok(await db.client.call(service.truncateCollection, { collectionName: ROWS }));
    assert.match(await refused(written), /before the collection was truncated/);
  });
});
