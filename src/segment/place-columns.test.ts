import assert from "node:assert/strict";
import { test } from "node:test";
import { readPlaces } from "../expr/place-columns.ts";
import { randomTable } from "../expr/testing/random-table.ts";
import { Random } from "../expr/testing/random.ts";
import type { PlaceKernel, PlaceReading } from "../kernel/filter-kernel.ts";
import { type BytesColumn, bytesColumn, type Column } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { commonPaths } from "../expr/common-paths.ts";
import { PlaceColumns } from "./place-columns.ts";

/** Counts the rows that it reads, and takes its time. */
class SlowPlaces implements PlaceKernel {
  rowsRead = 0;

  async readPlaces({ documents, firstRow, rowCount, paths, into }: PlaceReading): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const columns = readPlaces(documents, paths, firstRow, rowCount);
    for (const [at, { classes, words }] of columns.entries()) {
      into[at]!.classes.set(classes.subarray(firstRow), firstRow);
      into[at]!.words.set(words.subarray(firstRow), firstRow);
      this.rowsRead += rowCount - firstRow;
    }
  }
}

function first(column: BytesColumn, rowCount: number): BytesColumn {
  const offsets = column.offsets.subarray(0, rowCount + 1);
  const bytes = column.bytes.subarray(0, offsets[rowCount]!);
  return { ...column, offsets, bytes, valid: column.valid?.subarray(0, rowCount) ?? null };
}

test("columns of a growing segment are extended by the rows that came, and each row is read once", async () => {
  const kernel = new SlowPlaces();
  const places = new PlaceColumns(kernel);
  const all = randomTable(new Random(17), 3000).column(110n) as BytesColumn;
  const paths = [["a"], ["b", "c"], ["0"]];
  const reads = [100, 70, 1500, 1500, 3000, 2999].map(async (rowCount) => {
    const documents = first(all, rowCount);
    const columns = await places.read(110n, documents, paths, rowCount);
    assert.deepEqual(columns, readPlaces(documents, paths, 0, rowCount), `${rowCount} rows`);
  });
  await Promise.all(reads);
  assert.equal(kernel.rowsRead, 3000 * paths.length);
  const seldom = await places.read(110n, all, [["c"], ["a"]], 3000);
  assert.deepEqual(seldom, readPlaces(all, [["c"], ["a"]], 0, 3000));
  assert.equal(kernel.rowsRead, 3000 * (paths.length + 1));
});

test("columns take no more room than the documents, and those not used go first", async () => {
  const kernel = new SlowPlaces();
  const places = new PlaceColumns(kernel);
  const rowCount = 50_000;
  const documents = bytesColumn(
    DataType.JSON,
    Array.from({ length: rowCount }, (_, row) => `{"a": ${row}, "b": "${row}", "c": ${row % 2 === 0}}`),
  );
  const bytesAColumn = rowCount * 9;
  for (const path of ["a", "b", "c", "d", "e", "f", "g"]) {
    await places.read(1n, documents, [["a"], [path]].slice(path === "a" ? 1 : 0), rowCount);
  }
  assert.ok(places.memoryBytes <= documents.bytes.length && places.memoryBytes > documents.bytes.length - bytesAColumn);
  const { rowsRead } = kernel;
  await places.read(1n, documents, [["a"], ["g"]], rowCount);
  assert.equal(kernel.rowsRead, rowsRead, "what was used last is there");
  const tooMany = Array.from({ length: 30 }, (_, at) => [`x${at}`]);
  assert.equal(await places.read(1n, documents, tooMany, rowCount), null);
});

test("a failed reading is told, and the next one goes on", async () => {
  let fails = true;
  const kernel = new SlowPlaces();
  const places = new PlaceColumns({
    readPlaces: async (reading) => {
      if (fails) throw new Error("no memory");
      await kernel.readPlaces(reading);
    },
  });
  const documents = bytesColumn(DataType.JSON, ['{"a": 1}', "{}"]);
  await assert.rejects(places.read(1n, documents, [["a"]], 2), /no memory/);
  fails = false;
  assert.deepEqual(await places.read(1n, documents, [["a"]], 2), readPlaces(documents, [["a"]], 0, 2));
});

test("paths are common where a third of the documents have a value", async () => {
  const texts = Array.from({ length: 9000 }, (_, row) =>
    JSON.stringify({
      id: row,
      maker: { name: "m", when: null },
      list: [1],
      ...(row % 3 > 0 ? { size: 1 } : { rare: row }),
    }),
  );
  texts[0] = "{damaged";
  const documents = bytesColumn(DataType.JSON, texts);
  assert.deepEqual(commonPaths(documents, 10), [["id"], ["maker", "name"], ["size"], ["rare"]]);
  assert.deepEqual(commonPaths(documents, 1), [["id"]]);
  assert.deepEqual(commonPaths(bytesColumn(DataType.JSON, []), 10), []);
  const kernel = new SlowPlaces();
  const places = new PlaceColumns(kernel);
  await places.readCommon(new Map<bigint, Column>([[5n, documents]]), 9000);
  assert.ok(places.count >= 3);
  const { rowsRead } = kernel;
  await places.read(5n, documents, [["size"], ["maker", "name"]], 9000);
  assert.equal(kernel.rowsRead, rowsRead, "a filter on a common path reads no document");
});
