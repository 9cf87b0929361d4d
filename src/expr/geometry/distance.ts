/** How far a point is from a geometry, in metres on a sphere; coordinates are degrees of longitude and latitude. */

import type { Point } from "../../model/geometry.ts";
import { locateInAreas, type Shape } from "./shape.ts";

const EARTH_METRES = 6_371_000;

/** To the place of the geometry that is nearest in the plane of degrees. Infinity for an empty one. */
export function distanceMetres(shape: Shape, point: Point): number {
  if (locateInAreas(point, shape) !== "exterior") return 0;
  let nearest: Point | null = null;
  let least = Infinity;
  const take = (candidate: Point): void => {
    const distance = (candidate[0] - point[0]) ** 2 + (candidate[1] - point[1]) ** 2;
    if (distance >= least) return;
    least = distance;
    nearest = candidate;
  };
  for (const candidate of shape.points) take(candidate);
  for (const { from, to } of shape.edges) {
    const [x, y] = [to[0] - from[0], to[1] - from[1]];
    const share = ((point[0] - from[0]) * x + (point[1] - from[1]) * y) / (x * x + y * y);
    const within = Math.min(1, Math.max(0, share));
    take([from[0] + within * x, from[1] + within * y]);
  }
  return nearest === null ? Infinity : greatCircleMetres(nearest, point);
}

function greatCircleMetres(one: Point, other: Point): number {
  const radians = Math.PI / 180;
  const [latitude, otherLatitude] = [one[1] * radians, other[1] * radians];
  const half = Math.sin((otherLatitude - latitude) / 2) ** 2;
  const turn = Math.sin(((other[0] - one[0]) * radians) / 2) ** 2;
  const chord = half + Math.cos(latitude) * Math.cos(otherLatitude) * turn;
  return 2 * EARTH_METRES * Math.asin(Math.sqrt(Math.min(1, chord)));
}
