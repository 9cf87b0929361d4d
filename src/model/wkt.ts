/**
 * Well-known text of geometries in the plane: `POINT (1 2)`, `POLYGON ((0 0, 4 0, 4 4, 0 0))`, `GEOMETRYCOLLECTION (…)`, `… EMPTY`.
 *
 * Always true: what is written is read back as the same geometry. Coordinates have two numbers: Z and M are refused.
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

const KINDS = new Map<string, GeometryKind>(
  (
    ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"] as const
  ).map((kind) => [kind.toUpperCase(), kind]),
);

/** @throws GeometryError */
export function parseWkt(text: string): Geometry {
  const reader = new WktReader(text);
  const geometry = reader.geometry(0);
  reader.end();
  return geometry;
}

const TOKEN = /\s*(?:([A-Za-z]+)|([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([(),]))/y;

class WktReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  geometry(depth: number): Geometry {
    if (depth > MAX_GEOMETRY_DEPTH) throw new GeometryError("a geometry is nested too deeply");
    const word = this.#next()?.toUpperCase() ?? "";
    const kind = KINDS.get(word);
    if (kind === undefined) throw this.#unexpected(word);
    if (this.#peek()?.toUpperCase() === "EMPTY") {
      this.#next();
      return emptyGeometry(kind);
    }
    return this.#body(kind, depth);
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== "") throw this.#unexpected(this.#text.slice(this.#at).trim());
  }

  #body(kind: GeometryKind, depth: number): Geometry {
    switch (kind) {
      case "Point":
        return { kind, point: this.#bracketed(() => this.#point()) };
      case "LineString": {
        const points = this.#list(() => this.#point());
        checkLine(points);
        return { kind, points };
      }
      case "Polygon":
        return { kind, rings: this.#list(() => this.#ring()) };
      case "MultiPoint":
        return { kind, parts: this.#list(() => this.#pointOfMany()) };
      case "GeometryCollection":
        return { kind, parts: this.#list(() => this.geometry(depth + 1)) };
      default:
        return { kind, parts: this.#list(() => this.#partOf(PART_KINDS[kind]!, depth)) };
    }
  }

  #partOf(kind: GeometryKind, depth: number): Geometry {
    if (this.#peek()?.toUpperCase() !== "EMPTY") return this.#body(kind, depth + 1);
    this.#next();
    return emptyGeometry(kind);
  }

  /** `(1 2)` or `1 2`. */
  #pointOfMany(): Geometry {
    if (this.#peek()?.toUpperCase() === "EMPTY") return this.#partOf("Point", 0);
    if (this.#peek() !== "(") return { kind: "Point", point: this.#point() };
    return { kind: "Point", point: this.#bracketed(() => this.#point()) };
  }

  #ring(): readonly Point[] {
    const points = this.#list(() => this.#point());
    checkRing(points);
    return points;
  }

  #point(): Point {
    return [this.#number(), this.#number()];
  }

  #number(): number {
    const text = this.#next() ?? "";
    const value = text === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) throw this.#unexpected(text);
    return value;
  }

  #bracketed<T>(read: () => T): T {
    this.#expect("(");
    const value = read();
    this.#expect(")");
    return value;
  }

  #list<T>(read: () => T): T[] {
    return this.#bracketed(() => {
      const entries = [read()];
      while (this.#peek() === ",") {
        this.#next();
        entries.push(read());
      }
      return entries;
    });
  }

  #expect(token: string): void {
    const found = this.#next() ?? "";
    if (found !== token) throw this.#unexpected(found);
  }

  #peek(): string | null {
    const at = this.#at;
    const token = this.#next();
    this.#at = at;
    return token;
  }

  #next(): string | null {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) return null;
    this.#at = TOKEN.lastIndex;
    return match[1] ?? match[2] ?? match[3]!;
  }

  #unexpected(found: string): GeometryError {
    return new GeometryError(`unexpected '${found.slice(0, 40)}' at ${this.#at} of '${this.#text.slice(0, 100)}'`);
  }
}

function emptyGeometry(kind: GeometryKind): Geometry {
  if (kind === "Point") return { kind, point: null };
  if (kind === "LineString") return { kind, points: [] };
  return kind === "Polygon" ? { kind, rings: [] } : { kind, parts: [] };
}

export function formatWkt(geometry: Geometry): string {
  const body = formatBody(geometry);
  return `${geometry.kind.toUpperCase()} ${body}`;
}

function formatBody(geometry: Geometry): string {
  switch (geometry.kind) {
    case "Point":
      return geometry.point === null ? "EMPTY" : `(${formatPoint(geometry.point)})`;
    case "LineString":
      return formatPoints(geometry.points);
    case "Polygon":
      return geometry.rings.length === 0 ? "EMPTY" : `(${geometry.rings.map(formatPoints).join(", ")})`;
    case "GeometryCollection":
      return geometry.parts.length === 0 ? "EMPTY" : `(${geometry.parts.map(formatWkt).join(", ")})`;
    default:
      return geometry.parts.length === 0 ? "EMPTY" : `(${geometry.parts.map(formatBody).join(", ")})`;
  }
}

function formatPoints(points: readonly Point[]): string {
  return points.length === 0 ? "EMPTY" : `(${points.map(formatPoint).join(", ")})`;
}

function formatPoint([x, y]: Point): string {
  return `${x} ${y}`;
}
