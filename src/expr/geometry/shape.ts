/**
 * A geometry taken apart for predicates: points, edges of lines, edges of rings with their inner side, and its box.
 *
 * Always true: an edge has two different ends; rings are of valid polygons (a polygon that crosses itself has no inner side to speak of).
 */

import type { Geometry, Point } from "../../model/geometry.ts";
import { orientation } from "./orientation.ts";

export interface Edge {
  readonly from: Point;
  readonly to: Point;
  /** Of a ring: whether the polygon lies to the left of it; null: an edge of a line. */
  readonly isInsideLeft: boolean | null;
}

export interface Box {
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
  readonly top: number;
}

export interface Shape {
  readonly points: readonly Point[];
  readonly edges: readonly Edge[];
  /** One list of rings a polygon. */
  readonly polygons: readonly (readonly (readonly Point[])[])[];
  /** Ends of lines, as `x y`: those that come an odd number of times are the boundary. */
  readonly lineEnds: ReadonlyMap<string, number>;
  /** 0 points, 1 lines, 2 polygons; -1: empty. */
  readonly dimension: number;
  readonly box: Box;
}

export function shapeOf(geometry: Geometry): Shape {
  const points: Point[] = [];
  const edges: Edge[] = [];
  const polygons: (readonly (readonly Point[])[])[] = [];
  const lineEnds = new Map<string, number>();
  const visit = (part: Geometry): void => {
    switch (part.kind) {
      case "Point":
        if (part.point !== null) points.push(part.point);
        return;
      case "LineString": {
        addEdges(edges, part.points, null);
        const [first, last] = [part.points[0], part.points.at(-1)];
        if (first === undefined) return;
        for (const end of [first, last!]) lineEnds.set(keyOf(end), (lineEnds.get(keyOf(end)) ?? 0) + 1);
        return;
      }
      case "Polygon":
        if (part.rings.length === 0) return;
        polygons.push(part.rings);
        for (const [at, ring] of part.rings.entries()) addEdges(edges, ring, signedArea(ring) > 0 === (at === 0));
        return;
      default:
        for (const inner of part.parts) visit(inner);
    }
  };
  visit(geometry);
  const dimension = polygons.length > 0 ? 2 : edges.length > 0 ? 1 : points.length > 0 ? 0 : -1;
  return { points, edges, polygons, lineEnds, dimension, box: boxOf(points, edges) };
}

export function keyOf([x, y]: Point): string {
  // Adding 0 makes -0 one with 0.
  return `${x + 0} ${y + 0}`;
}

function addEdges(edges: Edge[], points: readonly Point[], isInsideLeft: boolean | null): void {
  for (let at = 1; at < points.length; at += 1) {
    const [from, to] = [points[at - 1]!, points[at]!];
    if (!isSame(from, to)) edges.push({ from, to, isInsideLeft });
  }
}

export function isSame(left: Point, right: Point): boolean {
  return left[0] === right[0] && left[1] === right[1];
}

/** Positive: counter-clockwise. By the turn at the lowest corner, which rounding does not change. */
function signedArea(ring: readonly Point[]): number {
  let lowest = 0;
  for (let at = 1; at < ring.length - 1; at += 1) {
    const [x, y] = ring[at]!;
    const [lowX, lowY] = ring[lowest]!;
    if (y < lowY || (y === lowY && x > lowX)) lowest = at;
  }
  const count = ring.length - 1;
  const corner = ring[lowest]!;
  let before = (lowest + count - 1) % count;
  while (before !== lowest && isSame(ring[before]!, corner)) before = (before + count - 1) % count;
  let after = (lowest + 1) % count;
  while (after !== lowest && isSame(ring[after]!, corner)) after = (after + 1) % count;
  return orientation(ring[before]!, corner, ring[after]!);
}

function boxOf(points: readonly Point[], edges: readonly Edge[]): Box {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  const take = ([x, y]: Point): void => {
    left = Math.min(left, x);
    bottom = Math.min(bottom, y);
    right = Math.max(right, x);
    top = Math.max(top, y);
  };
  for (const point of points) take(point);
  for (const { from, to } of edges) {
    take(from);
    take(to);
  }
  return { left, bottom, right, top };
}

export function boxesMeet(one: Box, other: Box): boolean {
  return one.left <= other.right && other.left <= one.right && one.bottom <= other.top && other.bottom <= one.top;
}

export function isOnEdge(point: Point, { from, to }: Pick<Edge, "from" | "to">): boolean {
  if (point[0] < Math.min(from[0], to[0]) || point[0] > Math.max(from[0], to[0])) return false;
  if (point[1] < Math.min(from[1], to[1]) || point[1] > Math.max(from[1], to[1])) return false;
  return orientation(from, to, point) === 0;
}

export type Location = "interior" | "boundary" | "exterior";

/** In the polygons alone: those of a multiple do not lie in each other. */
export function locateInAreas(point: Point, { polygons }: Shape): Location {
  let found: Location = "exterior";
  for (const rings of polygons) {
    const location = locateInRings(point, rings);
    if (location === "interior") return location;
    if (location === "boundary") found = location;
  }
  return found;
}

/** By the crossings of a ray to the right. */
function locateInRings(point: Point, rings: readonly (readonly Point[])[]): Location {
  let isInside = false;
  for (const ring of rings) {
    for (let at = 1; at < ring.length; at += 1) {
      const [from, to] = [ring[at - 1]!, ring[at]!];
      if (isOnEdge(point, { from, to })) return "boundary";
      if (from[1] > point[1] === to[1] > point[1]) continue;
      const side = orientation(from, to, point);
      if (from[1] < to[1] ? side > 0 : side < 0) isInside = !isInside;
    }
  }
  return isInside ? "interior" : "exterior";
}

/** In the whole shape. */
export function locate(point: Point, shape: Shape): Location {
  const inAreas = locateInAreas(point, shape);
  if (inAreas === "interior") return inAreas;
  const isOnLine = shape.edges.some((edge) => edge.isInsideLeft === null && isOnEdge(point, edge));
  if (isOnLine) return (shape.lineEnds.get(keyOf(point)) ?? 0) % 2 === 1 ? "boundary" : "interior";
  if (shape.points.some((own) => isSame(own, point))) return "interior";
  return inAreas;
}
