/** Whatever an index says of a filter, the rows are those of the evaluator. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluateFilter } from "../../expr/evaluate.ts";
import { randomCastFilter } from "../../expr/testing/random-filter.ts";
import { SCHEMA, randomTable } from "../../expr/testing/random-table.ts";
import { Random } from "../../expr/testing/random.ts";
import { countBits, hasBit, intersectInto } from "../../model/bitset.ts";
import { type BytesColumn, type FixedColumn, bytesColumn } from "../../model/columns.ts";
import type { Filter } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { encodeWkb } from "../../model/wkb.ts";
import { parseWkt } from "../../model/wkt.ts";
import { buildBoxIndex } from "./box-index.ts";
import { buildScalarIndex } from "./build.ts";
import { buildGramIndex } from "./gram-index.ts";
import { type IndexedFilter, type ScalarIndex, planIndexes, rowsOfMatch } from "./match.ts";
import { openScalarIndex } from "./open.ts";
import { type Sections, encodeSections } from "./sections.ts";
import { buildValueIndex } from "./value-index.ts";

function reopened(parts: readonly Uint8Array[]): ScalarIndex {
  return openScalarIndex(new Uint8Array(Buffer.concat(parts))).index;
}

/** Indexes of every kind over a table, by field and path. */
function indexesOver(random: Random, table: ReturnType<typeof randomTable>): Map<string, ScalarIndex[]> {
  const indexes = new Map<string, ScalarIndex[]>();
  const addFile = (key: string, parts: readonly Uint8Array[]): void => {
    indexes.set(key, [...(indexes.get(key) ?? []), reopened(parts)]);
  };
  const add = (key: string, { facts, arrays }: Sections<object>): void => addFile(key, encodeSections(facts, arrays));
  for (const { fieldId, dataType } of SCHEMA.fields) {
    if (dataType === DataType.FloatVector || random.chance(0.2)) continue;
    const column = table.column(fieldId);
    if (dataType === DataType.Array || dataType === DataType.Geometry) {
      const indexType = dataType === DataType.Array ? "INVERTED" : "RTREE";
      addFile(`${fieldId}/`, buildScalarIndex({ indexType, place: null, minGram: 0, maxGram: 0 }, column));
      continue;
    }
    if (dataType === DataType.JSON) {
      if (random.chance(0.5)) {
        const place = { path: [], castType: "JSON", isArray: false } as const;
        addFile(`${fieldId}/*`, buildScalarIndex({ indexType: "AUTOINDEX", place, minGram: 0, maxGram: 0 }, column));
      }
      for (const path of [["a"], ["b"], ["a", "b"], ["0"]]) {
        const castType = random.pick(["BOOL", "DOUBLE", "VARCHAR"] as const);
        const build = { indexType: random.pick(["INVERTED", "AUTOINDEX"]), minGram: 0, maxGram: 0 };
        const place = { path, castType, isArray: random.chance(0.4) };
        addFile(`${fieldId}/${path.join("/")}`, buildScalarIndex({ ...build, place }, column));
        const cast = { path, castType: "DOUBLE", isArray: false, cast: "STRING_TO_DOUBLE" } as const;
        addFile(`${fieldId}/${path.join("/")} STRING_TO_DOUBLE`, buildScalarIndex({ ...build, place: cast }, column));
      }
      continue;
    }
    const type = random.pick(["STL_SORT", "INVERTED", "BITMAP"]);
    if (random.chance(0.7)) add(`${fieldId}/`, buildValueIndex(type, column as FixedColumn | BytesColumn));
    if (dataType === DataType.VarChar) {
      const least = 1 + random.below(3);
      add(`${fieldId}/`, buildGramIndex(column as BytesColumn, least, least + random.below(2)));
    }
  }
  return indexes;
}

function planned(filter: Filter, indexes: ReadonlyMap<string, readonly ScalarIndex[]>): IndexedFilter | null {
  return planIndexes(filter, (leaf) => {
    if (!("field" in leaf)) return [];
    const { fieldId, path, cast } = leaf.field;
    const whole = cast === undefined && path.length > 0 ? (indexes.get(`${fieldId}/*`) ?? []) : [];
    return [...whole, ...(indexes.get(`${fieldId}/${path.join("/")}${cast === undefined ? "" : ` ${cast}`}`) ?? [])];
  });
}

test("the rows of a match that pass what is left are the rows of the filter", () => {
  let used = 0;
  let complete = 0;
  for (let seed = 0; seed < 250; seed += 1) {
    const random = new Random(seed);
    const rowCount = random.pick([1, 9, 64, 300]);
    const table = randomTable(random, rowCount);
    const indexes = indexesOver(random, table);
    for (let round = 0; round < 25; round += 1) {
      const filter = randomCastFilter(random, random.below(3));
      const plan = planned(filter, indexes);
      if (plan === null) continue;
      used += 1;
      const rows = rowsOfMatch(plan.match, rowCount);
      assert.ok(countBits(rows) <= plan.match.count, `seed ${seed}`);
      if (plan.rest !== null) intersectInto(rows, evaluateFilter(plan.rest, table, rowCount));
      else complete += 1;
      const expected = evaluateFilter(filter, table, rowCount);
      for (let row = 0; row < rowCount; row += 1) {
        assert.equal(hasBit(rows, row), hasBit(expected, row), `seed ${seed} row ${row}: ${text(filter)}`);
      }
      assert.deepEqual(rows, expected);
    }
  }
  assert.ok(used > 1_000 && complete > 500, `${used} used, ${complete} of them complete`);
});

function text(filter: Filter): string {
  return JSON.stringify(filter, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}

function places(random: Random, count: number): BytesColumn {
  const number = (): number => Math.round((random.next() * 360 - 180) * 1e3) / 1e3;
  const texts = Array.from({ length: count }, () => {
    const [x, y] = [number(), number() / 2];
    if (random.chance(0.7)) return `POINT (${x} ${y})`;
    const [right, top] = [x + random.next() * 5, y + random.next() * 5];
    return `POLYGON ((${x} ${y}, ${right} ${y}, ${right} ${top}, ${x} ${top}, ${x} ${y}))`;
  });
  const valid = Uint8Array.from(texts, () => (random.chance(0.9) ? 1 : 0));
  return bytesColumn(
    DataType.Geometry,
    texts.map((text) => encodeWkb(parseWkt(text))),
    valid,
  );
}

test("boxes of thousands of geometries leave few to be looked at, and all that pass", () => {
  const random = new Random(3);
  const column = places(random, 5_000);
  const { facts, arrays } = buildBoxIndex(column);
  const index = reopened(encodeSections(facts, arrays));
  const source = { column: () => column };
  const field = { fieldId: 1n, dataType: DataType.Geometry, path: [] };
  let [named, passed] = [0, 0];
  for (let round = 0; round < 40; round += 1) {
    const [x, y] = [random.next() * 300 - 150, random.next() * 120 - 60];
    const isNear = round % 4 === 0;
    const filter: Filter = {
      kind: "geometry",
      field,
      operation: isNear ? "dwithin" : random.pick(["intersects", "within", "contains", "touches", "overlaps"] as const),
      wkt: isNear
        ? `POINT (${x} ${y})`
        : `POLYGON ((${x} ${y}, ${x + 20} ${y}, ${x + 20} ${y + 20}, ${x} ${y + 20}, ${x} ${y}))`,
      distance: isNear ? 1_000_000 : 0,
    };
    const match = index.match(filter, false)!;
    const rows = rowsOfMatch(match, 5_000);
    const expected = evaluateFilter(filter, source, 5_000);
    for (let at = 0; at < rows.length; at += 1) assert.equal(expected[at]! & ~rows[at]!, 0, text(filter));
    if (!isNear) named += match.count;
    passed += countBits(expected);
  }
  assert.ok(passed > 300 && named < 40 * 5_000 * 0.05, `${passed} passed, ${named} named`);
});

test("a damaged file is refused, whatever of it is damaged", () => {
  const random = new Random(5);
  const table = randomTable(random, 40);
  const files = [
    buildValueIndex("BITMAP", table.column(101n) as FixedColumn),
    buildValueIndex("STL_SORT", table.column(105n) as FixedColumn),
    buildGramIndex(table.column(109n) as BytesColumn, 2, 3),
    buildBoxIndex(places(random, 300)),
  ].map((sections: Sections<object>) => Buffer.concat(encodeSections(sections.facts, sections.arrays)));
  for (const file of files) {
    openScalarIndex(new Uint8Array(file));
    for (let round = 0; round < 400; round += 1) {
      const damagedFile = new Uint8Array(file);
      const at = random.below(file.length);
      if (round % 4 === 0) {
        assert.throws(() => openScalarIndex(damagedFile.slice(0, at)), /scalar index file/);
        continue;
      }
      const before = damagedFile[at]!;
      damagedFile[at]! ^= 1 << random.below(8);
      // Only what pads a section may change unseen.
      try {
        openScalarIndex(damagedFile);
        assert.equal(before, 0, `byte ${at} of ${file.length}`);
      } catch (error) {
        assert.match(String(error), /scalar index file/);
      }
    }
  }
});
