/**
 * Well-known binary of geometries in the plane: how they lie in columns and files.
 *
 *   geometry     u8 order (1 little-endian; 0 big-endian is read too) | u32 kind | content
 *   point        f64 x | f64 y      both NaN: empty
 *   line         u32 count | points
 *   polygon      u32 rings | lines
 *   multiple     u32 parts | geometries
 *
 * We write little-endian.
 */

import {
  type Geometry,
  GeometryError,
  type GeometryKind,
  MAX_GEOMETRY_DEPTH,
  PART_KINDS,
  type Point,
  checkLine,
  checkRing,
} from "./geometry.ts";

const KINDS: readonly GeometryKind[] = [
  "Point",
  "LineString",
  "Polygon",
  "MultiPoint",
  "MultiLineString",
  "MultiPolygon",
  "GeometryCollection",
];

export function encodeWkb(geometry: Geometry): Uint8Array {
  const view = new DataView(new ArrayBuffer(wkbBytes(geometry)));
  write(view, 0, geometry);
  return new Uint8Array(view.buffer);
}

function wkbBytes(geometry: Geometry): number {
  switch (geometry.kind) {
    case "Point":
      return 21;
    case "LineString":
      return 9 + geometry.points.length * 16;
    case "Polygon":
      return geometry.rings.reduce((sum, ring) => sum + 4 + ring.length * 16, 9);
    default:
      return geometry.parts.reduce((sum, part) => sum + wkbBytes(part), 9);
  }
}

function write(view: DataView, start: number, geometry: Geometry): number {
  view.setUint8(start, 1);
  view.setUint32(start + 1, KINDS.indexOf(geometry.kind) + 1, true);
  const at = start + 5;
  switch (geometry.kind) {
    case "Point":
      return writePoint(view, at, geometry.point ?? [Number.NaN, Number.NaN]);
    case "LineString":
      return writePoints(view, at, geometry.points);
    case "Polygon": {
      view.setUint32(at, geometry.rings.length, true);
      return geometry.rings.reduce((end, ring) => writePoints(view, end, ring), at + 4);
    }
    default:
      view.setUint32(at, geometry.parts.length, true);
      return geometry.parts.reduce((end, part) => write(view, end, part), at + 4);
  }
}

function writePoints(view: DataView, at: number, points: readonly Point[]): number {
  view.setUint32(at, points.length, true);
  return points.reduce((end, point) => writePoint(view, end, point), at + 4);
}

function writePoint(view: DataView, at: number, [x, y]: Point): number {
  view.setFloat64(at, x, true);
  view.setFloat64(at + 8, y, true);
  return at + 16;
}

/** @throws GeometryError for bytes that are no geometry, or more than one. */
export function decodeWkb(bytes: Uint8Array): Geometry {
  const reader = new WkbReader(bytes);
  const geometry = reader.geometry(0);
  reader.end();
  return geometry;
}

class WkbReader {
  readonly #view: DataView;
  #at = 0;
  #isLittle = true;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  geometry(depth: number, expected: GeometryKind | null = null): Geometry {
    if (depth > MAX_GEOMETRY_DEPTH) throw new GeometryError("a geometry is nested too deeply");
    this.#need(5);
    const order = this.#view.getUint8(this.#at);
    if (order > 1) throw new GeometryError("the byte order of a geometry is 0 or 1");
    this.#isLittle = order === 1;
    this.#at += 1;
    const kind = KINDS[this.#count() - 1];
    if (kind === undefined || (expected !== null && kind !== expected)) {
      throw new GeometryError("a geometry is of a kind that is not known, or has Z or M");
    }
    switch (kind) {
      case "Point": {
        const [x, y] = this.#ordinates();
        if (Number.isNaN(x) && Number.isNaN(y)) return { kind, point: null };
        return { kind, point: finite([x, y]) };
      }
      case "LineString": {
        const points = this.#points();
        checkLine(points);
        return { kind, points };
      }
      case "Polygon":
        return { kind, rings: this.#many(4, () => this.#ring()) };
      default: {
        const part = PART_KINDS[kind] ?? null;
        return { kind, parts: this.#many(9, () => this.geometry(depth + 1, part)) };
      }
    }
  }

  end(): void {
    if (this.#at !== this.#view.byteLength) throw new GeometryError("there are bytes behind a geometry");
  }

  #ring(): Point[] {
    const points = this.#points();
    checkRing(points);
    return points;
  }

  #points(): Point[] {
    return this.#many(16, () => finite(this.#ordinates()));
  }

  /** `least`: bytes that an entry takes at least, so that a count is not believed before the bytes are there. */
  #many<T>(least: number, read: () => T): T[] {
    const count = this.#count();
    this.#need(count * least);
    return Array.from({ length: count }, read);
  }

  #ordinates(): Point {
    this.#need(16);
    const point: Point = [
      this.#view.getFloat64(this.#at, this.#isLittle),
      this.#view.getFloat64(this.#at + 8, this.#isLittle),
    ];
    this.#at += 16;
    return point;
  }

  #count(): number {
    this.#need(4);
    const count = this.#view.getUint32(this.#at, this.#isLittle);
    this.#at += 4;
    return count;
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#view.byteLength) throw new GeometryError("the bytes of a geometry end too early");
  }
}

function finite(point: Point): Point {
  if (Number.isFinite(point[0]) && Number.isFinite(point[1])) return point;
  throw new GeometryError("a coordinate is a finite number");
}
