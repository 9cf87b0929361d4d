/** Arrays, times and geometries through an embedded database: rows, defaults, nulls, filters, limits, and a restart. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "./connect.ts";

const LONGEST = Array.from({ length: 4096 }, (_, at) => at);

const ROWS = [
  { id: 1, v: [1, 2], tags: ["a", "ü"], numbers: LONGEST, at: "1970-01-01T00:00:00Z", place: "POINT (1 2)" },
  { id: 2, v: [1, 3], tags: null, numbers: [], at: "2020-01-01T00:00:00Z", place: null },
  {
    id: 3,
    v: [2, 3],
    tags: [],
    numbers: [2 ** 53 - 1, 2n ** 62n],
    at: "2025-06-01T10:00:00.5Z",
    place: "LINESTRING (0 0, 5 5)",
  },
];

test("what goes in comes out, also after a restart", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "elanus-scalars-"));
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
      { name: "tags", type: "Array", elementType: "VarChar", maxLength: 4, maxCapacity: 4, nullable: true },
      { name: "numbers", type: "Array", elementType: "Int64", maxCapacity: 4096 },
      { name: "at", type: "Timestamptz", default: "2020-01-01" },
      { name: "place", type: "Geometry", nullable: true },
    ],
  });
  const { at: _, ...withoutTime } = ROWS[1]!;
  await database.insert("things", [{ ...ROWS[0]!, at: new Date(0) }, withoutTime, ROWS[2]!]);

  const check = async (): Promise<void> => {
    const rows = await database.query("things", { filter: "id > 0" });
    assert.deepEqual(
      rows.toSorted((left, right) => Number(left["id"]) - Number(right["id"])),
      ROWS.map((row) => ({ ...row, v: Float32Array.from(row.v) })),
    );
    const ids = async (filter: string): Promise<unknown[]> =>
      (await database.query("things", { filter })).map((row) => row["id"]);
    assert.deepEqual(await ids("array_contains(numbers, 4095) and array_length(numbers) == 4096"), [1]);
    assert.deepEqual(await ids("numbers[1] == 4611686018427387904"), [3]);
    assert.deepEqual(await ids("st_intersects(place, 'POINT (3 3)') and at > ISO '2025-01-01'"), [3]);
    assert.deepEqual(await ids('tags[1] =~ "^.$"'), [1]);
  };
  await check();
  const described = (await database.describeCollection("things")).fields;
  assert.deepEqual(
    described.filter(({ type }) => type === "Array").map(({ elementType, maxCapacity }) => [elementType, maxCapacity]),
    [
      ["VarChar", 4],
      ["Int64", 4096],
    ],
  );
  assert.equal(described.find(({ name }) => name === "at")!.default, "2020-01-01T00:00:00Z");

  const refused = async (change: object, reason: RegExp): Promise<void> => {
    await assert.rejects(database.insert("things", [{ ...ROWS[0]!, ...change }]), reason);
  };
  await refused({ numbers: [...LONGEST, 1] }, /the length \(4097\) of 0th array exceeds max capacity \(4096\)/);
  await refused({ tags: ["abcde"] }, /length of Array array field "tags" exceeds max length/);
  await refused({ tags: ["a", null] }, /an element of the array tags is missing/);
  await refused({ tags: "a" }, /takes an array of VarChar/);
  await refused({ at: "soon" }, /got invalid timestamptz string 'soon'/);
  await refused({ place: "POINT Z (1 2 3)" }, /failed to insert invalid geometry/);

  await database.close();
  database = await connect(directory);
  await check();
});
