/** Arrays, times and geometries through Milvus's SDK for Node: equal as they were written, from growing rows, from files, after a restart. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, type RowData } from "@zilliz/milvus2-sdk-node";
import { type Row, createKeyed, loadHalves, refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";

const collection_name = "types";
const ROWS = 30;
const served = serveSuite();

function row(id: number): Row {
  return {
    id,
    vector: [id, 1],
    numbers: Array.from({ length: id % 4 }, (_, at) => id * 10 + at),
    words: id % 3 === 0 ? null : [`w${id}`, "ü漢"],
    flags: [id % 2 === 0],
    at: id % 5 === 0 ? null : `2025-03-${String(1 + (id % 28)).padStart(2, "0")}T00:00:00Z`,
    place: id % 4 === 0 ? null : `POINT (${id} ${-id})`,
  };
}

test("arrays, times and geometries", async () => {
  const array = { data_type: DataType.Array, max_capacity: 8 };
  await createKeyed(
    served.client,
    collection_name,
    [
      { name: "vector", data_type: DataType.FloatVector, dim: 2 },
      { name: "numbers", ...array, element_type: DataType.Int64 },
      { name: "words", ...array, element_type: DataType.VarChar, max_length: 20, nullable: true },
      { name: "flags", ...array, element_type: DataType.Bool },
      { name: "at", data_type: DataType.Timestamptz, nullable: true },
      { name: "place", data_type: DataType.Geometry, nullable: true },
    ],
    { index_params: [{ field_name: "vector", index_type: "FLAT", metric_type: "L2" }] },
  );
  const rows = Array.from({ length: ROWS }, (_, id) => row(id));
  await loadHalves(served.client, collection_name, rows as RowData[]);

  const ids = async (filter: string): Promise<number[]> =>
    succeeded(await served.client.query({ collection_name, filter, output_fields: ["id"], limit: 100 }))
      .data.map((found) => Number(found["id"]))
      .toSorted((left, right) => left - right);
  const wanted = (test: (row: Row) => boolean): number[] => rows.filter(test).map((found) => Number(found["id"]));
  const check = async (): Promise<void> => {
    const answer = succeeded(
      await served.client.query({ collection_name, filter: "id >= 0", output_fields: ["*"], limit: 100 }),
    );
    assert.equal(answer.data.length, ROWS);
    for (const found of answer.data) {
      const expected = row(Number(found["id"]));
      assert.deepEqual((found["numbers"] as unknown[]).map(Number), expected["numbers"]);
      for (const name of ["words", "flags", "at", "place"]) assert.deepEqual(found[name], expected[name], name);
    }
    assert.deepEqual(
      await ids("array_contains(numbers, 50)"),
      wanted(({ id }) => id === 5),
    );
    assert.deepEqual(
      await ids("array_length(numbers) == 3"),
      wanted(({ id }) => Number(id) % 4 === 3),
    );
    assert.deepEqual(await ids('words[0] == "w7"'), [7]);
    assert.deepEqual(
      await ids("at < ISO '2025-03-03T00:00:00Z'"),
      wanted(({ at }) => at !== null && String(at) < "2025-03-03"),
    );
    assert.deepEqual(await ids("st_intersects(place, 'POLYGON ((0 0, 6 0, 6 -6, 0 -6, 0 0))')"), [1, 2, 3, 5, 6]);
    assert.deepEqual(
      await ids('place is null and words[1] =~ "^ü"'),
      wanted(({ place, words }) => place === null && words !== null),
    );
  };
  await check();
  refused(
    await served.client.insert({ collection_name, data: [{ ...row(1), numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9] }] }),
    "exceeds max capacity",
    1100,
  );
  await served.restart();
  await check();
});
