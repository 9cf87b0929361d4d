/**
 * Whether a geometry is what its kind promises: lines of two different points, rings that neither cross nor touch themselves, holes inside
 * their polygon, polygons of a multiple beside each other.
 */

import type { Geometry, Point } from "../../model/geometry.ts";
import { orientation } from "./orientation.ts";
import { relate } from "./relate.ts";
import { boxesMeet, isOnEdge, isSame, keyOf, locateInAreas, shapeOf } from "./shape.ts";

export function isValidGeometry(geometry: Geometry): boolean {
  switch (geometry.kind) {
    case "Point":
      return true;
    case "LineString":
      return geometry.points.length === 0 || geometry.points.some((point) => !isSame(point, geometry.points[0]!));
    case "Polygon":
      return isValidPolygon(geometry.rings);
    case "MultiPolygon":
      return geometry.parts.every(isValidGeometry) && areBeside(geometry.parts);
    default:
      return geometry.parts.every(isValidGeometry);
  }
}

function isValidPolygon(rings: readonly (readonly Point[])[]): boolean {
  if (!rings.every(isSimpleRing)) return false;
  for (let first = 0; first < rings.length; first += 1) {
    for (let second = first + 1; second < rings.length; second += 1) {
      if (!ringsTouchAtMost(rings[first]!, rings[second]!)) return false;
    }
  }
  const outer = shapeOf({ kind: "Polygon", rings: rings.slice(0, 1) });
  const holes = rings.slice(1).map((ring) => shapeOf({ kind: "Polygon", rings: [ring] }));
  const isInside = rings.slice(1).every((ring) => ring.every((point) => locateInAreas(point, outer) !== "exterior"));
  return isInside && holes.every((hole, at) => holes.slice(at + 1).every((other) => !shareInside(hole, other)));
}

type Shape = ReturnType<typeof shapeOf>;

function shareInside(one: Shape, other: Shape): boolean {
  return boxesMeet(one.box, other.box) && relate(one, other)[0] === 2;
}

function areBeside(parts: readonly Geometry[]): boolean {
  const shapes = parts.map(shapeOf);
  return shapes.every((shape, at) =>
    shapes.slice(at + 1).every((other) => {
      if (!boxesMeet(shape.box, other.box)) return true;
      const matrix = relate(shape, other);
      return matrix[0]! < 0 && matrix[4]! < 1;
    }),
  );
}

function isSimpleRing(ring: readonly Point[]): boolean {
  const points = ring.filter((point, at) => at === 0 || !isSame(point, ring[at - 1]!));
  const corners = points.slice(1);
  if (corners.length < 3 || new Set(corners.map(keyOf)).size !== corners.length) return false;
  const count = corners.length;
  for (let first = 0; first < count; first += 1) {
    const [from, to] = [points[first]!, points[first + 1]!];
    for (let second = first + 1; second < count; second += 1) {
      const [otherFrom, otherTo] = [points[second]!, points[second + 1]!];
      const isNext = second === first + 1 || (first === 0 && second === count - 1);
      if (!isNext && edgesMeet(from, to, otherFrom, otherTo)) return false;
      if (isNext && turnsBack(from, to, otherFrom, otherTo)) return false;
    }
  }
  return true;
}

/** Two edges with a common corner lie on each other. */
function turnsBack(from: Point, to: Point, otherFrom: Point, otherTo: Point): boolean {
  const [before, corner, after] = isSame(to, otherFrom) ? [from, to, otherTo] : [otherFrom, from, to];
  return isOnEdge(after, { from: before, to: corner }) || isOnEdge(before, { from: corner, to: after });
}

function edgesMeet(from: Point, to: Point, otherFrom: Point, otherTo: Point): boolean {
  if (crossEachOther(from, to, otherFrom, otherTo)) return true;
  const [one, other] = [
    { from, to },
    { from: otherFrom, to: otherTo },
  ];
  return isOnEdge(otherFrom, one) || isOnEdge(otherTo, one) || isOnEdge(from, other) || isOnEdge(to, other);
}

function crossEachOther(from: Point, to: Point, otherFrom: Point, otherTo: Point): boolean {
  const isSplit = orientation(from, to, otherFrom) * orientation(from, to, otherTo) < 0;
  return isSplit && orientation(otherFrom, otherTo, from) * orientation(otherFrom, otherTo, to) < 0;
}

/** Rings of one polygon have at most one common point, and no common piece. */
function ringsTouchAtMost(one: readonly Point[], other: readonly Point[]): boolean {
  const common = new Set<string>();
  for (let first = 1; first < one.length; first += 1) {
    const edge = { from: one[first - 1]!, to: one[first]! };
    for (let second = 1; second < other.length; second += 1) {
      const against = { from: other[second - 1]!, to: other[second]! };
      if (crossEachOther(edge.from, edge.to, against.from, against.to)) return false;
      for (const [point, on] of [
        [against.from, edge],
        [against.to, edge],
        [edge.from, against],
        [edge.to, against],
      ] as const) {
        if (isOnEdge(point, on)) common.add(keyOf(point));
      }
      if (common.size > 1) return false;
    }
  }
  return true;
}
