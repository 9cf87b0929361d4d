/** Arrays of structs through an embedded database: rows, columns, nulls, filters, searches by lists and by elements, and a restart. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "./connect.ts";

function part(number: number): Record<string, unknown> {
  return {
    number,
    word: `ü${number}`,
    list: Float32Array.of(number, 1),
    point: Float32Array.of(number, 0),
    bits: Uint8Array.of(number),
  };
}

const ROWS = [
  { id: 1, v: Float32Array.of(1, 2), parts: [part(1), part(5)] },
  { id: 2, v: Float32Array.of(1, 3), parts: null },
  { id: 3, v: Float32Array.of(2, 3), parts: [] },
  { id: 4, v: Float32Array.of(2, 4), parts: [part(7), part(8), part(9)] },
];

test("what goes in comes out, also after a restart", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "elanus-structs-"));
  let database = await connect(directory);
  context.after(async () => {
    await database.close();
    await rm(directory, { recursive: true });
  });
  await database.createCollection({
    name: "things",
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "v", type: "FloatVector", dimension: 2 },
      {
        name: "parts",
        type: "ArrayOfStruct",
        maxCapacity: 3,
        nullable: true,
        fields: [
          { name: "number", type: "Int32" },
          { name: "word", type: "VarChar", maxLength: 8 },
          { name: "list", type: "FloatVector", dimension: 2 },
          { name: "point", type: "FloatVector", dimension: 2 },
          { name: "bits", type: "BinaryVector", dimension: 8 },
        ],
      },
    ],
    indexes: [
      { field: "parts[list]", metricType: "MAX_SIM_L2" },
      { field: "parts[point]", metricType: "L2" },
    ],
  });
  await database.insert("things", ROWS.slice(0, 2));
  await database.insert("things", {
    id: ROWS.slice(2).map(({ id }) => id),
    v: ROWS.slice(2).map(({ v }) => v),
    parts: ROWS.slice(2).map(({ parts }) => parts),
  });

  const check = async (): Promise<void> => {
    const rows = await database.query("things", { filter: "id > 0" });
    assert.deepEqual(
      rows.toSorted((left, right) => Number(left["id"]) - Number(right["id"])),
      ROWS,
    );
    const ids = async (filter: string): Promise<unknown[]> =>
      (await database.query("things", { filter })).map((row) => row["id"]);
    assert.deepEqual(await ids("array_contains(parts[number], 8)"), [4]);
    assert.deepEqual(await ids('match_least(parts, $[number] > 4 and $[word] != "ü8", threshold=2)'), [4]);
    assert.deepEqual(await ids("parts[number] is null"), [2]);
    const vector = [
      [5, 1],
      [1, 2],
    ];
    const lists = await database.search("things", {
      field: "parts[list]",
      vector,
      limit: 5,
      outputFields: ["parts[word]"],
    });
    assert.deepEqual(
      lists.map(({ id, score }) => [id, score]),
      [
        [1, 1],
        [4, 41],
      ],
    );
    assert.deepEqual(lists[0]!["parts"], [{ word: "ü1" }, { word: "ü5" }]);
    const elements = await database.search("things", {
      field: "parts[point]",
      vector: [8, 0],
      limit: 3,
      filter: "element_filter(parts, $[number] != 8)",
    });
    assert.deepEqual(
      elements.map(({ id, element, score }) => [id, element, score]),
      [
        [4, 0, 1],
        [4, 2, 1],
        [1, 1, 9],
      ],
    );
  };
  await check();
  const described = (await database.describeCollection("things")).fields.find(({ name }) => name === "parts")!;
  assert.deepEqual([described.type, described.maxCapacity, described.nullable], ["ArrayOfStruct", 3, true]);
  assert.deepEqual(described.fields![1], { name: "word", type: "VarChar", description: "", maxLength: 8 });
  await assert.rejects(
    database.insert("things", [{ ...ROWS[0]!, parts: [{ number: 1 }] }]),
    /row 0: the struct field parts needs word in every element/,
  );
  await assert.rejects(
    database.insert("things", [{ ...ROWS[0]!, parts: [1, 2, 3, 4].map(part) }]),
    /exceeds max capacity \(3\)/,
  );
  await database.upsert("things", [{ id: 3, parts: [part(2)] }], { partial: true });
  assert.deepEqual((await database.query("things", { ids: [3] }))[0], { ...ROWS[2]!, parts: [part(2)] });
  await database.upsert("things", [ROWS[2]!]);
  const more = [{ name: "a", type: "Int64" }] as const;
  await database.addField("things", {
    name: "more",
    type: "ArrayOfStruct",
    maxCapacity: 2,
    nullable: true,
    fields: more,
  });
  await database.dropField("things", "more");
  await database.close();
  database = await connect(directory);
  await check();
});
