/** Boxes in the kernel and its twin: alike, also of damaged bytes, and no row without a meeting box for which a predicate is TRUE. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { FilterKernel } from "../../kernel/filter-kernel.ts";
import { filtersOf, loadKernel } from "../../kernel/load.ts";
import { TwinFilters } from "../../kernel/twin/filter.ts";
import { hasBit } from "../../model/bitset.ts";
import { type BytesColumn, bytesAt, bytesColumn } from "../../model/columns.ts";
import type { GeometryFilter } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { decodeWkb, encodeWkb } from "../../model/wkb.ts";
import { parseWkt } from "../../model/wkt.ts";
import { compileBox } from "../compile.ts";
import { Random } from "../testing/random.ts";
import { distanceMetres } from "./distance.ts";
import { type GeometryPredicate, holdsPredicate } from "./relate.ts";
import { shapeOf } from "./shape.ts";

const native = filtersOf(loadKernel());
const kernels: readonly FilterKernel[] = [new TwinFilters(), ...(native === null ? [] : [native])];
const OPERATIONS: readonly GeometryPredicate[] = ["equals", "touches", "overlaps", "crosses", "contains", "intersects"];
const TEXTS = readFileSync(new URL("testing/geos-cases.txt", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .flatMap((line) => line.split("\t", 2))
  .concat(
    "POINT EMPTY",
    "MULTIPOINT EMPTY",
    "POLYGON EMPTY",
    "GEOMETRYCOLLECTION (POINT EMPTY, LINESTRING (8 9, 7 3))",
  );

function meeting(filter: GeometryFilter, rows: BytesColumn): boolean[] {
  const rowCount = rows.offsets.length - 1;
  const found = [false, true].map((isNegated) => {
    const code = compileBox(filter, isNegated)!;
    const run = { program: code.program, columns: [rows], rowCount, wanted: null };
    const answers = kernels.map((kernel) => kernel.filterNow(run));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    return Array.from({ length: rowCount }, (_, row) => hasBit(answers[0]!, row));
  });
  assert.deepEqual(
    found[1],
    found[0]!.map((meets) => !meets),
  );
  return found[0]!;
}

function filterOf(operation: GeometryFilter["operation"], wkt: string, distance = 0): GeometryFilter {
  return {
    kind: "geometry",
    field: { fieldId: 1n, dataType: DataType.Geometry, path: [] },
    operation,
    wkt,
    distance,
  };
}

/** The same geometry, big-endian. */
function swapped(wkb: Uint8Array): Uint8Array {
  const [bytes, view] = [wkb.slice(), new DataView(wkb.buffer, wkb.byteOffset)];
  const out = new DataView(bytes.buffer);
  const count = (at: number): number => {
    out.setUint32(at, view.getUint32(at, true));
    return view.getUint32(at, true);
  };
  const points = (at: number, total: number): number => {
    for (let number = 0; number < 2 * total; number += 1) {
      out.setFloat64(at + 8 * number, view.getFloat64(at + 8 * number, true));
    }
    return at + 16 * total;
  };
  const visit = (start: number): number => {
    out.setUint8(start, 0);
    const kind = count(start + 1);
    if (kind === 1) return points(start + 5, 1);
    const parts = count(start + 5);
    if (kind === 2) return points(start + 9, parts);
    let at = start + 9;
    for (let part = 0; part < parts; part += 1) at = kind === 3 ? points(at + 4, count(at)) : visit(at);
    return at;
  };
  assert.equal(visit(0), wkb.length);
  return bytes;
}

test("no predicate is true where boxes do not meet", () => {
  const random = new Random(99);
  const geometries = TEXTS.map((text) => encodeWkb(parseWkt(text)));
  const column = bytesColumn(
    DataType.Geometry,
    geometries.map((wkb, at) => (at % 3 === 0 ? swapped(wkb) : wkb)),
  );
  const shapes = geometries.map((wkb) => shapeOf(decodeWkb(wkb)));
  let meetings = 0;
  for (let number = 0; number < 40; number += 1) {
    const wkt = random.pick(TEXTS.filter((text) => !text.includes("EMPTY")));
    const other = shapeOf(parseWkt(wkt));
    const meets = meeting(filterOf("within", wkt), column);
    for (const [row, shape] of shapes.entries()) {
      if (meets[row]!) meetings += 1;
      else
        for (const operation of OPERATIONS)
          assert.ok(!holdsPredicate(operation, shape, other), `${TEXTS[row]} ${operation} ${wkt}`);
    }
    const [x, y, distance] = [random.below(12), random.below(12), random.below(900) * 1000];
    const near = meeting(filterOf("dwithin", `POINT (${x} ${y})`, distance), column);
    for (const [row, shape] of shapes.entries()) assert.ok(near[row]! || distanceMetres(shape, [x, y]) > distance);
  }
  assert.ok(meetings > 100 && meetings < 40 * shapes.length);
});

test("damaged bytes are left to who takes them apart", () => {
  const random = new Random(7);
  const damaged = Array.from({ length: 3000 }, () => {
    const bytes = encodeWkb(parseWkt(random.pick(TEXTS)));
    for (let times = 1 + random.below(3); times > 0; times -= 1)
      bytes[random.below(Math.min(30, bytes.length))] = random.below(256);
    return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
  });
  // What only the evaluator refuses (lines of one point, rings that do not close) is no damage to the kernel.
  const plain = damaged.filter((bytes) => {
    try {
      decodeWkb(bytes);
      return true;
    } catch (error) {
      return !/line|ring/i.test((error as Error).message);
    }
  });
  assert.ok(plain.length > 1000);
  const column = bytesColumn(DataType.Geometry, plain);
  const meets = meeting(filterOf("intersects", "POLYGON ((0 0, 3 0, 3 3, 0 0))"), column);
  for (const [row, isMet] of meets.entries()) {
    try {
      decodeWkb(bytesAt(column, row));
    } catch {
      assert.ok(isMet, bytesAt(column, row).join());
    }
  }
});
