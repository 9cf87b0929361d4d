import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlaceColumn } from "../kernel/filter-kernel.ts";
import { filtersOf, loadKernel } from "../kernel/load.ts";
import { type BytesColumn, bytesAt, bytesColumn, columnRows } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { readPlaces } from "./place-columns.ts";
import { randomTable } from "./testing/random-table.ts";
import { Random } from "./testing/random.ts";

const native = filtersOf(loadKernel());
const KEYS = ["a", "b", "0", "1", "ключ", 'q"u', "c"];

function randomPaths(random: Random): string[][] {
  const paths = Array.from({ length: 1 + random.below(5) }, () =>
    Array.from({ length: random.below(4) }, () => random.pick(KEYS)),
  );
  return paths.filter((path, at) => paths.findIndex((other) => other.join("\0") === path.join("\0")) === at);
}

async function nativePlaces(documents: BytesColumn, paths: readonly string[][], from: number): Promise<PlaceColumn[]> {
  const rowCount = columnRows(documents);
  const into = paths.map(() => ({ classes: new Uint8Array(rowCount), words: new BigInt64Array(rowCount) }));
  await native!.readPlaces({ documents, firstRow: from, rowCount, paths, into });
  const { bytes, valid } = documents;
  return into.map(({ classes, words }) => ({ kind: "place", classes, words, bytes, valid }));
}

test("the kernel reads the same at every place as the reader in TypeScript", { skip: native === null }, async () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = new Random(seed * 13);
    const rowCount = random.below(seed % 50 === 0 ? 10_000 : 100);
    const source = randomTable(random, rowCount);
    const documents = source.column(110n) as BytesColumn;
    const paths = randomPaths(random);
    assert.deepEqual(
      await nativePlaces(documents, paths, 0),
      readPlaces(documents, paths, 0, rowCount),
      `seed ${seed}: ${JSON.stringify(paths)}`,
    );
  }
});

test("damaged documents are read alike, and reading ends", { skip: native === null }, async () => {
  const random = new Random(4711);
  for (let seed = 1; seed <= 200; seed += 1) {
    const whole = randomTable(random, 30).column(110n) as BytesColumn;
    const damaged = Array.from({ length: 30 }, (_, row) => {
      const bytes = Uint8Array.from(bytesAt(whole, row));
      // Within ASCII: what is not UTF-8 was never stored.
      for (let times = random.below(4); times > 0 && bytes.length > 0; times -= 1) {
        const at = random.below(bytes.length);
        if (bytes[at]! < 0x80)
          bytes[at] = random.pick([...'{}[]",:\\-+.eE0123456789 tfnu'].map((c) => c.charCodeAt(0)));
      }
      return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    });
    const documents = bytesColumn(
      DataType.JSON,
      damaged.filter((bytes) => bytes.length > 0),
    );
    const paths = randomPaths(random);
    const expected = readPlaces(documents, paths, 0, columnRows(documents));
    const found = await nativePlaces(documents, paths, 0);
    for (let path = 0; path < paths.length; path += 1) {
      assert.deepEqual(found[path]!.classes, expected[path]!.classes, `seed ${seed}: ${JSON.stringify(paths[path])}`);
      assert.deepEqual(found[path]!.words, expected[path]!.words, `seed ${seed}: ${JSON.stringify(paths[path])}`);
    }
  }
});

test("numbers of every spelling", { skip: native === null }, async () => {
  const numbers = (
    "0 -0 -0.0 1 -1 12345678901234567890 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 " +
    "9007199254740991 9007199254740992 9007199254740993 0.1 1e2 1E-3 1e400 -1e400 1e-400 123456789.123456789 " +
    "0.000000000000000000000001 5e-324 1.7976931348623157e308 2.2250738585072014e-308 123456789012345.5 1234567890123456.5 " +
    "100000000000000000000000 3.141592653589793238462643383279 0.30000000000000004 1e+5"
  ).split(" ");
  const documents = bytesColumn(
    DataType.JSON,
    numbers.map((number) => `{"n": ${number}}`),
  );
  assert.deepEqual(await nativePlaces(documents, [["n"]], 0), readPlaces(documents, [["n"]], 0, numbers.length));
});

test("rows before the first one stay as they are", { skip: native === null }, async () => {
  const documents = bytesColumn(DataType.JSON, ['{"a": 1}', '{"a": 2}', '{"a": 3}']);
  const [column] = await nativePlaces(documents, [["a"]], 2);
  assert.deepEqual([...column!.words], [0n, 0n, 3n]);
});
