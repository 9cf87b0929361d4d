/** Geometries in the plane, as values. Coordinates are finite; a ring ends where it began. */

export type Point = readonly [number, number];

export type Geometry =
  | { readonly kind: "Point"; readonly point: Point | null }
  | { readonly kind: "LineString"; readonly points: readonly Point[] }
  /** The first ring is the outer one; none: empty. */
  | { readonly kind: "Polygon"; readonly rings: readonly (readonly Point[])[] }
  | {
      readonly kind: "MultiPoint" | "MultiLineString" | "MultiPolygon" | "GeometryCollection";
      readonly parts: readonly Geometry[];
    };

export type GeometryKind = Geometry["kind"];

/** What the parts of a multiple are. */
export const PART_KINDS: Readonly<Partial<Record<GeometryKind, GeometryKind>>> = {
  MultiPoint: "Point",
  MultiLineString: "LineString",
  MultiPolygon: "Polygon",
};

export class GeometryError extends Error {
  override readonly name = "GeometryError";
}

export const MAX_GEOMETRY_DEPTH = 32;

/** @throws GeometryError */
export function checkLine(points: readonly Point[]): void {
  if (points.length === 1) throw new GeometryError("a line has two points at least");
}

/** @throws GeometryError */
export function checkRing(points: readonly Point[]): void {
  const [first, last] = [points[0], points.at(-1)];
  if (points.length < 4) throw new GeometryError("a ring has four points at least");
  if (first![0] !== last![0] || first![1] !== last![1]) throw new GeometryError("a ring ends where it began");
}
