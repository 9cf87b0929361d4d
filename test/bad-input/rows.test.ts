import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DataType } from "../../src/model/types.ts";
import {
  KEY,
  type FieldDataInit,
  int64s,
  ok,
  schemaBytes,
  service,
  texts,
  vectorField,
  vectors,
} from "../../src/server/milvus/testing/messages.ts";
import type { TestClient } from "../../src/server/milvus/testing/server.ts";
import { BOOKS, type Fixture, type Refusal, checkRefusal, goodColumns, openFixture } from "./fixture.ts";

const INVALID = ": invalid parameter";

/** Sent as an insert and as an upsert; both have the same rules. */
const COLUMNS: readonly {
  readonly name: string;
  readonly text: string;
  readonly code?: number;
  readonly columns: readonly FieldDataInit[];
  readonly numRows?: number;
}[] = [
  {
    name: "a vector of another dimension",
    text: `the dim (3) of field data(vector) is not equal to schema dim (4)${INVALID}`,
    columns: goodColumns(
      vectors([
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ]),
    ),
  },
  {
    name: "NaN in a vector",
    text: `value 'NaN' is not a number or infinity${INVALID}`,
    columns: goodColumns(
      vectors([
        [1, 2, 3, 4],
        [1, Number.NaN, 3, 4],
        [1, 2, 3, 4],
      ]),
    ),
  },
  {
    name: "infinity in a vector",
    text: `value '+Inf' is not a number or infinity${INVALID}`,
    columns: goodColumns(
      vectors([
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [1, 2, 3, Number.POSITIVE_INFINITY],
      ]),
    ),
  },
  {
    name: "a missing field",
    text: `fieldSchema(title) has no corresponding fieldData pass in${INVALID}`,
    columns: goodColumns().filter(({ fieldName }) => fieldName !== "title"),
  },
  {
    name: "a text that is too long",
    text: `length of varchar field title exceeds max length, row number: 1, length: 9, max length: 8${INVALID}`,
    columns: goodColumns(texts("title", ["one", "nine long", "three"])),
  },
  {
    name: "a text whose bytes, not its letters, are too many",
    text: `length of varchar field title exceeds max length, row number: 0, length: 10, max length: 8${INVALID}`,
    columns: goodColumns(texts("title", ["ééééé", "two", "three"])),
  },
  {
    name: "a column twice",
    text: `duplicated column pages found${INVALID}`,
    columns: [...goodColumns(), int64s("pages", [1, 2, 3])],
  },
  {
    name: "a column that nobody declared",
    text: "more fieldData has pass in, the field colour does not exist in collection: invalid parameter[expected=4][actual=5]",
    columns: goodColumns(texts("colour", ["r", "g", "b"])),
  },
  {
    name: "num_rows above the rows",
    text: `the num_rows (3) of field (id) is not equal to passed num_rows (4)${INVALID}`,
    columns: goodColumns(),
    numRows: 4,
  },
  {
    name: "num_rows below the rows",
    text: `the num_rows (3) of field (id) is not equal to passed num_rows (2)${INVALID}`,
    columns: goodColumns(),
    numRows: 2,
  },
  {
    name: "num_rows 0",
    text: `num_rows should be greater than 0, got 0${INVALID}`,
    columns: [],
    numRows: 0,
  },
  {
    name: "one short column",
    text: `the num_rows (2) of field (pages) is not equal to passed num_rows (3)${INVALID}`,
    columns: goodColumns(int64s("pages", [1, 2])),
  },
  {
    name: "vectors that are one too few",
    text: `the num_rows (2) of field (vector) is not equal to passed num_rows (3)${INVALID}`,
    columns: goodColumns(
      vectors([
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ]),
    ),
  },
];

const ROWS: readonly Refusal[] = COLUMNS.flatMap(({ name, text, code = 1100, columns, numRows = 3 }) => [
  {
    name: `inserting ${name}`,
    code,
    text,
    send: (client: TestClient) =>
      client.call(service.insert, { collectionName: BOOKS, fieldsData: [...columns], numRows }),
  },
  {
    name: `upserting ${name}`,
    code,
    // The key is looked for first.
    text: columns.length === 0 ? `must assign pk when upsert, primary field: id${INVALID}` : text,
    send: (client: TestClient) =>
      client.call(service.upsert, { collectionName: BOOKS, fieldsData: [...columns], numRows }),
  },
]);

const OTHERS: readonly Refusal[] = [
  {
    name: "inserting into a collection that is not there",
    code: 100,
    text: "collection not found[database=default][collection=nothing]",
    send: (client) => client.call(service.insert, { collectionName: "nothing", fieldsData: goodColumns(), numRows: 3 }),
  },
  {
    name: "inserting into a partition that is not there",
    code: 200,
    text: "partition not found[partition=p]",
    send: (client) =>
      client.call(service.insert, {
        collectionName: BOOKS,
        partitionName: "p",
        fieldsData: goodColumns(),
        numRows: 3,
      }),
  },
  {
    name: "inserting for an old schema",
    code: 109,
    text: "collection schema mismatch[collection=books]",
    send: (client) =>
      client.call(service.insert, {
        collectionName: BOOKS,
        fieldsData: goodColumns(),
        numRows: 3,
        schemaTimestamp: 7n,
      }),
  },
  {
    name: "upserting one key twice",
    code: 1100,
    text: `duplicate primary keys are not allowed in the same batch${INVALID}`,
    send: (client) =>
      client.call(service.upsert, {
        collectionName: BOOKS,
        fieldsData: goodColumns(int64s("id", [1, 2, 1])),
        numRows: 3,
      }),
  },
  {
    name: "deleting without a filter",
    code: 1100,
    text: `delete plan can't be empty or always true : ${INVALID}`,
    send: (client) => client.call(service.delete, { collectionName: BOOKS }),
  },
  {
    name: "deleting by a bad filter",
    code: 1100,
    text: /^failed to create delete plan: cannot parse expression: id in \[1, error: line 1:8 .*: invalid parameter$/,
    send: (client) => client.call(service.delete, { collectionName: BOOKS, expr: "id in [1" }),
  },
];

describe("rows are refused whole:", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  for (const refusal of [...ROWS, ...OTHERS]) test(refusal.name, () => checkRefusal(fixture, refusal));

  test("a refused insert names every row as failed", async () => {
    const answer = await fixture.client.call(service.insert, {
      collectionName: BOOKS,
      fieldsData: goodColumns(int64s("pages", [1, 2])),
      numRows: 3,
    });
    assert.deepEqual([answer.errIndex, answer.succIndex, answer.insertCnt], [[0, 1, 2], [], 0n]);
  });

  test("a row count that nobody sent costs nothing", async () => {
    const answer = await fixture.client.call(service.insert, { collectionName: BOOKS, numRows: 4_294_967_295 });
    assert.equal(answer.status!.code, 1100);
    assert.deepEqual(answer.errIndex, []);
  });

  test("inserting a key that the server makes", async () => {
    const { client } = fixture;
    const schema = schemaBytes({ name: "made", fields: [{ ...KEY, autoID: true }, vectorField()] });
    ok(await client.call(service.createCollection, { collectionName: "made", schema }));
    const text = `can not assign primary field data when auto id enabled and allow_insert_auto_id is false id${INVALID}`;
    const fieldsData = [int64s("id", [1]), vectors([[1, 2, 3, 4]])];
    await checkRefusal(fixture, {
      name: "",
      code: 1100,
      text,
      send: () => client.call(service.insert, { collectionName: "made", fieldsData, numRows: 1 }),
    });
    const statistics = await client.call(service.getCollectionStatistics, { collectionName: "made" });
    assert.equal(statistics.stats[0]!.value, "0");
  });

  test("inserting integers out of their range", async () => {
    const { client } = fixture;
    const small = { name: "small", dataType: DataType.Int8 };
    const schema = schemaBytes({ name: "narrow", fields: [KEY, vectorField(), small] });
    ok(await client.call(service.createCollection, { collectionName: "narrow", schema }));
    const column: FieldDataInit = {
      type: DataType.Int8,
      fieldName: "small",
      field: { case: "scalars", value: { data: { case: "intData", value: { data: [300] } } } },
    };
    const fieldsData = [int64s("id", [1]), vectors([[1, 2, 3, 4]]), column];
    await checkRefusal(fixture, {
      name: "",
      code: 1100,
      text: `the 0th element (300) out of range: [-128, 127]${INVALID}`,
      send: () => client.call(service.insert, { collectionName: "narrow", fieldsData, numRows: 1 }),
    });
  });
});
