import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { DataType } from "../../model/types.ts";
import { ConsistencyLevel, IndexState } from "../wire/generated/common_pb.js";
import {
  type FieldDataInit,
  KEY,
  dynamic,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  until,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

const ROWS = 3_000;
const NAME = "indexed";

interface Row {
  readonly id: number;
  readonly size: number;
  readonly color: string | null;
  readonly story: string;
  readonly deep: unknown;
  readonly doc: { readonly kind: string; readonly at: { readonly x: number; readonly list: readonly string[] } };
  readonly price: unknown;
}

const WORDS = ["kite", "falcon", "owl", "heron", "stork", "crane", "wren"];

function rowOf(id: number): Row {
  const mixed = (id * 7919) % 10_007;
  return {
    id,
    size: (mixed % 500) - 250,
    color: mixed % 9 === 0 ? null : `c${mixed % 40}`,
    story: `${WORDS[mixed % 7]} ${WORDS[(mixed >> 3) % 7]} ${mixed}`,
    deep:
      mixed % 5 === 0
        ? { a: { b: `x${mixed % 50}` } }
        : mixed % 5 === 1
          ? { a: { b: mixed % 50 } }
          : { a: [mixed % 30] },
    doc: { kind: `k${mixed % 60}`, at: { x: (mixed % 700) / 4, list: [`l${mixed % 45}`, "all"] } },
    price: mixed % 3 === 0 ? mixed % 80 : mixed % 3 === 1 ? `${(mixed % 80) / 2}` : `${mixed % 80} EUR`,
  };
}

const COLORS = (rows: readonly Row[]): FieldDataInit => ({
  ...texts(
    "color",
    rows.flatMap(({ color }) => (color === null ? [] : [color])),
  ),
  validData: rows.map(({ color }) => color !== null),
});

const AS_NUMBERS = { json_cast_type: "double", json_cast_function: "string_to_double" };
const INDEXES: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ["size", "by_size", { index_type: "STL_SORT" }],
  ["color", "by_color", { index_type: "BITMAP" }],
  ["word", "by_word", { index_type: "Trie" }],
  ["story", "by_grams", { index_type: "NGRAM", min_gram: "2", max_gram: "3" }],
  ["$meta", "text_place", { index_type: "INVERTED", json_path: 'deep["a"]["b"]', json_cast_type: "VARCHAR" }],
  ["$meta", "", { index_type: "INVERTED", json_path: '$meta["deep"]["a"]', json_cast_type: "ARRAY_DOUBLE" }],
  ["$meta", "prices", { index_type: "AUTOINDEX", json_path: "price", ...AS_NUMBERS }],
  ["doc", "all_of_it", { index_type: "AUTOINDEX" }],
];

type Condition = readonly [string, (row: Row) => boolean];

function deepAt(row: Row): unknown {
  return (row.deep as { a: { b?: unknown } }).a.b;
}

function priceOf({ price }: Row): number | null {
  return typeof price === "number" ? price : String(price).endsWith("EUR") ? null : Number(price);
}

const CONDITIONS: readonly Condition[] = [
  ["price == 21", (row) => priceOf(row) === 21],
  ["price < 0.75 or price in [7, 7.5]", (row) => [0, 0.5, 7, 7.5].includes(priceOf(row) ?? -1)],
  ["price * 2 == 35", (row) => priceOf(row) === 17.5],
  ['price == "17.5"', ({ price }) => price === "17.5"],
  ['price like "%EUR" and size > 200', ({ price, size }) => String(price).endsWith("EUR") && size > 200],
  ['doc["kind"] == "k17"', ({ doc }) => doc.kind === "k17"],
  ['doc["at"]["x"] > 173', ({ doc }) => doc.at.x > 173],
  ['json_contains(doc["at"]["list"], "l7")', ({ doc }) => doc.at.list[0] === "l7"],
  ['doc["at"]["list"][0] == "l8"', ({ doc }) => doc.at.list[0] === "l8"],
  ['doc["nothing"] == 1', () => false],
  ["size == 17", ({ size }) => size === 17],
  ["size > 240", ({ size }) => size > 240],
  ["-250 <= size < -246", ({ size }) => size >= -250 && size < -246],
  ["size in [1, 2, 3, 900]", ({ size }) => [1, 2, 3].includes(size)],
  ["not (size < 245)", ({ size }) => size >= 245],
  ['color == "c7"', ({ color }) => color === "c7"],
  ['color in ["c1", "c2"] and size > 100', ({ color, size }) => (color === "c1" || color === "c2") && size > 100],
  ["color is null", ({ color }) => color === null],
  ['color == "c3" or size == 4', ({ color, size }) => color === "c3" || size === 4],
  ['word == "owl 21"', ({ story }) => story.split(" ").slice(0, 1)[0] === "owl" && false],
  ['story like "%owl wren%"', ({ story }) => story.includes("owl wren")],
  ['story like "kite%77"', ({ story }) => story.startsWith("kite") && story.endsWith("77")],
  ['story like "%zz%"', () => false],
  ['deep["a"]["b"] == "x35"', (row) => deepAt(row) === "x35"],
  ['deep["a"]["b"] like "x4%"', (row) => typeof deepAt(row) === "string" && String(deepAt(row)).startsWith("x4")],
  ['deep["a"]["b"] == 21', (row) => deepAt(row) === 21],
  [
    'json_contains(deep["a"], 12)',
    ({ deep }) => Array.isArray((deep as { a: unknown }).a) && (deep as { a: number[] }).a[0] === 12,
  ],
  [
    'size == 17 and color == "c7" and story like "%kite%"',
    ({ size, color, story }) => size === 17 && color === "c7" && story.includes("kite"),
  ],
];

describe("scalar indexes", () => {
  const db = served();
  const rows = Array.from({ length: ROWS }, (_, id) => rowOf(id));

  before(async () => {
    const schema = schemaBytes({
      name: NAME,
      enableDynamicField: true,
      fields: [
        KEY,
        vectorField(2),
        { name: "size", dataType: DataType.Int16 },
        { ...textField("color", 16), nullable: true },
        textField("word", 16),
        textField("story", 64),
        { name: "doc", dataType: DataType.JSON },
      ],
    });
    const consistencyLevel = ConsistencyLevel.Strong;
    ok(await db.client.call(service.createCollection, { collectionName: NAME, schema, consistencyLevel }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName: NAME, fieldName: "vector", extraParams }));
    const sizes: FieldDataInit = {
      type: DataType.Int16,
      fieldName: "size",
      field: { case: "scalars", value: { data: { case: "intData", value: { data: rows.map(({ size }) => size) } } } },
    };
    const fieldsData = [
      int64s(
        "id",
        rows.map(({ id }) => id),
      ),
      vectors(rows.map(({ id }) => [id % 7, id % 11])),
      sizes,
      COLORS(rows),
      texts(
        "word",
        rows.map(({ story }) => story.split(" ")[0]!),
      ),
      texts(
        "story",
        rows.map(({ story }) => story),
      ),
      dynamic(rows.map(({ deep, price }) => ({ deep, price }))),
      { ...dynamic(rows.map(({ doc }) => doc)), fieldName: "doc", isDynamic: false },
    ];
    ok(await db.client.call(service.insert, { collectionName: NAME, fieldsData, numRows: ROWS }));
    ok(await db.client.call(service.flush, { collectionNames: [NAME] }));
    for (const [fieldName, indexName, given] of INDEXES) {
      const request = { collectionName: NAME, fieldName, indexName, extraParams: params(given) };
      ok(await db.client.call(service.createIndex, request));
    }
    await load(db.client, NAME);
  });

  async function matching(expr: string): Promise<number[]> {
    const request = { collectionName: NAME, expr, outputFields: ["id"], useDefaultConsistency: true };
    const answer = await db.client.call(service.query, request);
    ok(answer);
    const column = answer.fieldsData[0]!.field;
    assert.ok(column.case === "scalars" && column.value.data.case === "longData");
    return column.value.data.value.data.map(Number);
  }

  async function count(expr: string): Promise<number> {
    const request = { collectionName: NAME, expr, outputFields: ["count(*)"], useDefaultConsistency: true };
    const answer = await db.client.call(service.query, request);
    ok(answer);
    const column = answer.fieldsData[0]!.field;
    assert.ok(column.case === "scalars" && column.value.data.case === "longData");
    return Number(column.value.data.value.data[0]);
  }

  test("are built, told as finished, and open in the loaded segment", async () => {
    await until(async () => {
      const answer = await db.client.call(service.describeIndex, { collectionName: NAME });
      ok(answer);
      assert.equal(answer.indexDescriptions.length, INDEXES.length + 1);
      return answer.indexDescriptions.every(({ state }) => state === IndexState.Finished);
    });
    const answer = await db.client.call(service.describeIndex, { collectionName: NAME });
    const names = answer.indexDescriptions.map(({ indexName }) => indexName);
    assert.ok(names.includes("text_place") && names.includes("$meta/deep/a"), names.join());
    const open = [...(await db.server.proxy.loadedSegments()).values()].flatMap(({ indexes }) => indexes);
    await until(async () => {
      const now = [...(await db.server.proxy.loadedSegments()).values()].flatMap(({ indexes }) => indexes);
      return now.length === INDEXES.length;
    });
    assert.ok(open.every(({ memoryBytes }) => memoryBytes > 0));
  });

  for (const [expr, passes] of CONDITIONS) {
    test(`find the rows of ${expr}`, async () => {
      const expected = rows.filter(passes).map(({ id }) => id);
      assert.deepEqual(await matching(expr), expected);
      assert.equal(await count(expr), expected.length);
    });
  }

  test("are asked where they pay, as an explanation tells", async () => {
    const explained = async (dsl: string): Promise<unknown> => {
      const request = searchFor(NAME, [[0, 0]], { explain: "true" }, { dsl });
      const answer = await db.client.call(service.search, request);
      ok(answer);
      const { segments } = JSON.parse(answer.status!.extraInfo["explain"]!) as { segments: { filter: unknown }[] };
      assert.equal(segments.length, 1);
      return segments[0]!.filter;
    };
    const seventeen = rows.filter(({ size }) => size === 17).length;
    assert.deepEqual(await explained("size == 17"), {
      indexTypes: ["STL_SORT"],
      foundRows: seventeen,
      isLookedAt: false,
    });
    assert.deepEqual(await explained("size == 17 and id > 4"), {
      indexTypes: ["STL_SORT"],
      foundRows: seventeen,
      isLookedAt: true,
    });
    assert.deepEqual(await explained("size > -250"), { indexTypes: [], foundRows: null, isLookedAt: true });
    assert.deepEqual(
      await explained('story like "%owl wren%"').then((filter) => (filter as { indexTypes: string[] }).indexTypes),
      ["NGRAM"],
    );
    assert.equal(await explained(""), null);
    const types = async (dsl: string): Promise<unknown> =>
      ((await explained(dsl)) as { indexTypes: unknown }).indexTypes;
    for (const dsl of ["price == 21", 'doc["kind"] == "k17"', 'json_contains(doc["at"]["list"], "l7")']) {
      assert.deepEqual(await types(dsl), ["AUTOINDEX"], dsl);
    }
    // A text is asked for, and the index has numbers.
    assert.deepEqual(await types('price == "17.5"'), []);
  });

  test("know nothing of rows that were deleted or written since", async () => {
    const gone = rows.filter(({ size }) => size === 33).map(({ id }) => id);
    assert.ok(gone.length > 0);
    ok(await db.client.call(service.delete, { collectionName: NAME, expr: `id == ${gone[0]}` }));
    assert.deepEqual(await matching("size == 33"), gone.slice(1));
  });

  test("may be dropped while the collection is loaded", async () => {
    ok(await db.client.call(service.dropIndex, { collectionName: NAME, indexName: "by_size" }));
    assert.deepEqual(
      await matching("size == 17"),
      rows.filter(({ size }) => size === 17).map(({ id }) => id),
    );
  });

  test("with a cast function change what a place means, for rows that no index has as well", async () => {
    const expected = rows.filter((row) => priceOf(row) === 5).map(({ id }) => id);
    const fields = [
      int64s("id", [90_001, 90_002]),
      vectors([
        [0, 0],
        [0, 0],
      ]),
      texts("word", ["a", "a"]),
      texts("story", ["", ""]),
    ];
    const more: FieldDataInit[] = [
      {
        type: DataType.Int16,
        fieldName: "size",
        field: { case: "scalars", value: { data: { case: "intData", value: { data: [0, 0] } } } },
      },
      { ...texts("color", []), validData: [false, false] },
      dynamic([{ price: "5.0" }, { price: "five" }]),
      { ...dynamic([{}, {}]), fieldName: "doc", isDynamic: false },
    ];
    ok(await db.client.call(service.insert, { collectionName: NAME, fieldsData: [...fields, ...more], numRows: 2 }));
    assert.deepEqual(await matching("price == 5"), [...expected, 90_001]);
    const removed = await db.client.call(service.delete, { collectionName: NAME, expr: "price == 5 and id > 90000" });
    assert.equal(removed.deleteCnt, 1n);
    ok(await db.client.call(service.dropIndex, { collectionName: NAME, indexName: "prices" }));
    assert.deepEqual(
      await matching("price == 5"),
      rows.filter(({ price }) => price === 5).map(({ id }) => id),
    );
  });

  test("are refused where they cannot be, with Milvus's texts", async () => {
    for (const [fieldName, given, reason] of [
      [
        "$meta",
        { index_type: "INVERTED", json_path: 'deep["q"]' },
        /json index must specify cast type: missing parameter/,
      ],
      [
        "$meta",
        { index_type: "INVERTED", json_path: "deep[", json_cast_type: "DOUBLE" },
        /json_path deep\[ cannot be read/,
      ],
      [
        "$meta",
        { index_type: "INVERTED", json_path: "deep", json_cast_type: "BLOB" },
        /json_cast_type BLOB is not supported/,
      ],
      [
        "$meta",
        { index_type: "NGRAM", min_gram: "1", max_gram: "2", json_path: "deep", json_cast_type: "DOUBLE" },
        /json_cast_type must be varchar for NGRAM index/,
      ],
      [
        "$meta",
        { index_type: "AUTOINDEX", json_path: "q", json_cast_type: "DOUBLE", json_cast_function: "TO_DOUBLE" },
        /json_cast_function TO_DOUBLE is not supported, it should be STRING_TO_DOUBLE/,
      ],
      [
        "$meta",
        { index_type: "INVERTED", json_path: "q", json_cast_type: "VARCHAR", json_cast_function: "STRING_TO_DOUBLE" },
        /json_cast_function STRING_TO_DOUBLE gives DOUBLE, and json_cast_type is VARCHAR/,
      ],
      ["$meta", { index_type: "AUTOINDEX", json_path: "q[", json_cast_type: "JSON" }, /json_path q\[ cannot be read/],
      ["color", { index_type: "INVERTED" }, /at most one distinct index is allowed per field/],
    ] as const) {
      const request = { collectionName: NAME, fieldName, indexName: "wrong", extraParams: params({ ...given }) };
      const status = await db.client.call(service.createIndex, request);
      assert.notEqual(status.code, 0);
      assert.match(status.reason, reason);
    }
  });
});
