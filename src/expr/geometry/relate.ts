/**
 * How two geometries lie to each other: the matrix of their interiors, boundaries and exteriors, and the predicates that read it.
 *
 *   The edges of each are cut where those of the other meet them. A piece then lies wholly in the interior, on the boundary or in the
 *   exterior of the other, and so says for lines where they are, for polygons what is on both its sides. Corners and points say the rest.
 *
 * Always true: whether edges meet, lie on each other or pass is decided without rounding; only the middle of a piece between two
 * crossings is a rounded point.
 */

import type { Point } from "../../model/geometry.ts";
import { orientation } from "./orientation.ts";
import { boxesMeet, type Edge, isOnEdge, isSame, locate, locateInAreas, type Location, type Shape } from "./shape.ts";

const PLACES = ["interior", "boundary", "exterior"] as const;

/** Dimensions of the nine intersections, row by row; -1: empty. */
type Matrix = Int8Array;

class MatrixBuilder {
  readonly cells: Matrix = new Int8Array(9).fill(-1);

  note(first: Location, second: Location, dimension: number): void {
    const cell = PLACES.indexOf(first) * 3 + PLACES.indexOf(second);
    this.cells[cell] = Math.max(this.cells[cell]!, dimension);
  }
}

type Note = (own: Location, other: Location, dimension: number) => void;

export function relate(first: Shape, second: Shape): Matrix {
  const builder = new MatrixBuilder();
  builder.note("exterior", "exterior", 2);
  noteParts(first, second, (own, other, dimension) => builder.note(own, other, dimension));
  noteParts(second, first, (own, other, dimension) => builder.note(other, own, dimension));
  return builder.cells;
}

function noteParts(shape: Shape, other: Shape, note: Note): void {
  for (const point of shape.points) note(locate(point, shape), locate(point, other), 0);
  if (shape.dimension === 2 && other.dimension < 2) note("interior", "exterior", 2);
  for (const edge of shape.edges) {
    const cuts = cutsOf(edge, other);
    for (const at of cuts.places)
      note(
        locateOwn(at.point, edge, at.isEnd, shape),
        at.isOnOther ? locateOn(at.point, other) : locate(at.point, other),
        0,
      );
    for (let piece = 1; piece < cuts.places.length; piece += 1) {
      const [start, end] = [cuts.places[piece - 1]!, cuts.places[piece]!];
      const covering = cuts.overlaps.filter((overlap) => overlap.from <= start.at && overlap.to >= end.at);
      notePiece(edge, middle(start.point, end.point), covering, other, note);
    }
  }
}

/** A crossing that was rounded lies on the edge all the same. An end of a line may lie on another of its edges. */
function locateOwn(point: Point, edge: Edge, isEnd: boolean, shape: Shape): Location {
  if (edge.isInsideLeft !== null && !isEnd) return "boundary";
  const exact = locate(point, shape);
  return exact === "exterior" ? "interior" : exact;
}

/** Of a point that is known to lie on an edge. */
function locateOn(point: Point, shape: Shape): Location {
  const exact = locate(point, shape);
  if (exact !== "exterior" && (shape.dimension < 2 || exact === "boundary")) return exact;
  return shape.dimension === 2 ? "boundary" : "interior";
}

function notePiece(edge: Edge, point: Point, covering: readonly Overlap[], other: Shape, note: Note): void {
  const ring = covering.find((overlap) => overlap.edge.isInsideLeft !== null);
  const isOnLine = covering.length > 0;
  const area = ring === undefined ? locateInAreas(point, other) : "boundary";
  const place = area === "exterior" && isOnLine ? "interior" : area;
  if (edge.isInsideLeft === null) {
    // A line inside a polygon of its own collection is within it, which changes nothing for the other.
    note("interior", place, 1);
    return;
  }
  note("boundary", place, 1);
  if (ring !== undefined) {
    const isSameWay = ring.to >= ring.from === ring.isForward;
    const isInsideLeft = ring.edge.isInsideLeft === isSameWay;
    if (isInsideLeft === edge.isInsideLeft) note("interior", "interior", 2);
    else {
      note("interior", "exterior", 2);
      note("exterior", "interior", 2);
    }
  } else if (area === "interior") {
    note("interior", "interior", 2);
    note("exterior", "interior", 2);
  } else note("interior", "exterior", 2);
}

interface Cut {
  /** Where on the edge, from 0 to 1. */
  readonly at: number;
  readonly point: Point;
  readonly isEnd: boolean;
  readonly isOnOther: boolean;
}

interface Overlap {
  readonly from: number;
  readonly to: number;
  readonly edge: Edge;
  /** The other edge goes the same way. */
  readonly isForward: boolean;
}

function cutsOf(edge: Edge, other: Shape): { readonly places: readonly Cut[]; readonly overlaps: readonly Overlap[] } {
  const places: Cut[] = [
    { at: 0, point: edge.from, isEnd: true, isOnOther: false },
    { at: 1, point: edge.to, isEnd: true, isOnOther: false },
  ];
  const overlaps: Overlap[] = [];
  for (const against of other.edges) {
    if (!edgesMayMeet(edge, against)) continue;
    const sides = [
      orientation(edge.from, edge.to, against.from),
      orientation(edge.from, edge.to, against.to),
      orientation(against.from, against.to, edge.from),
      orientation(against.from, against.to, edge.to),
    ] as const;
    if (sides[0] === 0 && sides[1] === 0) {
      for (const point of [against.from, against.to]) addCorner(places, edge, point);
      const [start, end] = [positionOf(edge, against.from), positionOf(edge, against.to)];
      const [from, to] = [Math.max(0, Math.min(start, end)), Math.min(1, Math.max(start, end))];
      if (from < to) overlaps.push({ from, to, edge: against, isForward: start < end });
      continue;
    }
    for (const [side, point] of [
      [sides[0], against.from],
      [sides[1], against.to],
    ] as const) {
      if (side === 0) addCorner(places, edge, point);
    }
    if (sides[0] * sides[1] < 0 && sides[2] * sides[3] < 0) {
      const point = crossing(edge, against);
      places.push({ at: positionOf(edge, point), point, isEnd: false, isOnOther: true });
    }
  }
  for (const point of other.points) addCorner(places, edge, point);
  const sorted = places.toSorted((left, right) => left.at - right.at);
  return { places: sorted.filter((cut, at) => at === 0 || cut.at > sorted[at - 1]!.at || cut.isEnd), overlaps };
}

/** A corner of the other that lies on the edge, its ends excepted, which are places anyway. */
function addCorner(places: Cut[], edge: Edge, point: Point): void {
  if (isSame(point, edge.from) || isSame(point, edge.to) || !isOnEdge(point, edge)) return;
  places.push({ at: positionOf(edge, point), point, isEnd: false, isOnOther: false });
}

function edgesMayMeet(one: Edge, other: Edge): boolean {
  for (const axis of [0, 1] as const) {
    if (Math.max(one.from[axis], one.to[axis]) < Math.min(other.from[axis], other.to[axis])) return false;
    if (Math.max(other.from[axis], other.to[axis]) < Math.min(one.from[axis], one.to[axis])) return false;
  }
  return true;
}

/** Along the longer axis, so that the order of points on the edge is kept. */
function positionOf({ from, to }: Edge, point: Point): number {
  const axis = Math.abs(to[0] - from[0]) >= Math.abs(to[1] - from[1]) ? 0 : 1;
  return (point[axis] - from[axis]) / (to[axis] - from[axis]);
}

function crossing(one: Edge, other: Edge): Point {
  const [x, y] = [one.to[0] - one.from[0], one.to[1] - one.from[1]];
  const [u, v] = [other.to[0] - other.from[0], other.to[1] - other.from[1]];
  const share = ((other.from[0] - one.from[0]) * v - (other.from[1] - one.from[1]) * u) / (x * v - y * u);
  const within = Math.min(1, Math.max(0, share));
  return [one.from[0] + within * x, one.from[1] + within * y];
}

function middle(start: Point, end: Point): Point {
  return [start[0] / 2 + end[0] / 2, start[1] / 2 + end[1] / 2];
}

export type GeometryPredicate = "equals" | "touches" | "overlaps" | "crosses" | "contains" | "intersects" | "within";

const [II, IB, IE, BI, BB, BE, EI, EB] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

export function holdsPredicate(predicate: GeometryPredicate, first: Shape, second: Shape): boolean {
  if (first.dimension < 0 || second.dimension < 0) {
    return predicate === "equals" && first.dimension === second.dimension;
  }
  if (!boxesMeet(first.box, second.box)) return false;
  const matrix = relate(first, second);
  const has = (cell: number): boolean => matrix[cell]! >= 0;
  const meets = has(II) || has(IB) || has(BI) || has(BB);
  switch (predicate) {
    case "intersects":
      return meets;
    case "equals":
      return has(II) && !has(IE) && !has(BE) && !has(EI) && !has(EB);
    case "touches":
      return !has(II) && meets;
    case "contains":
      return has(II) && !has(EI) && !has(EB);
    case "within":
      return has(II) && !has(IE) && !has(BE);
    case "overlaps": {
      if (first.dimension !== second.dimension || !has(IE) || !has(EI)) return false;
      return first.dimension === 1 ? matrix[II] === 1 : has(II);
    }
    case "crosses":
      if (first.dimension < second.dimension) return has(II) && has(IE);
      if (first.dimension > second.dimension) return has(II) && has(EI);
      return first.dimension === 1 && matrix[II] === 0;
  }
}
