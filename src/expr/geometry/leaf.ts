/**
 * Leaves over Geometry columns: a row's geometry against that of the filter.
 *
 * Always true: rows whose box does not meet the other's are decided by their bytes alone, without taking them apart; damaged bytes
 * are UNKNOWN.
 */

import { type BytesColumn, bytesAt } from "../../model/columns.ts";
import type { GeometryFilter } from "../../model/filter.ts";
import type { Point } from "../../model/geometry.ts";
import { decodeWkb } from "../../model/wkb.ts";
import { parseWkt } from "../../model/wkt.ts";
import { bitsOf } from "../bits.ts";
import { knownRows, masked, type Operation, type Scan, textColumn } from "../scan.ts";
import { distanceMetres } from "./distance.ts";
import { holdsPredicate } from "./relate.ts";
import { shapeOf } from "./shape.ts";
import { isValidGeometry } from "./validity.ts";

export function compileGeometry(filter: GeometryFilter): Operation {
  const { fieldId } = filter.field;
  const test = rowTest(filter);
  return (scan) => {
    const column = textColumn(scan, fieldId);
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      if (isWanted(column, scan, row) && test(bytesAt(column, scan.from + row))) truth[row >> 3]! |= 1 << (row & 7);
    }
    return masked(truth, knownRows(column, scan));
  };
}

function isWanted({ valid }: BytesColumn, { from, wanted }: Scan, row: number): boolean {
  if (valid !== null && valid[from + row] === 0) return false;
  return wanted === null || (wanted[row >> 3]! & (1 << (row & 7))) !== 0;
}

function rowTest({ operation, wkt, distance }: GeometryFilter): (bytes: Uint8Array) => boolean {
  if (operation === "isvalid") return (bytes) => isValidGeometry(decodeWkb(bytes));
  const geometry = parseWkt(wkt);
  const other = shapeOf(geometry);
  if (operation === "dwithin") {
    const point = other.points[0] as Point | undefined;
    return (bytes) => point !== undefined && distanceMetres(shapeOf(decodeWkb(bytes)), point) <= distance;
  }
  return (bytes) => holdsPredicate(operation, shapeOf(decodeWkb(bytes)), other);
}
