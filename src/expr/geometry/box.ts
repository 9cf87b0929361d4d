/** Boxes by which most rows are told to be no match before anybody looks at their geometry. */

import type { GeometryFilter } from "../../model/filter.ts";
import { parseWkt } from "../../model/wkt.ts";
import { type Box, shapeOf } from "./shape.ts";

/** A degree of latitude is this long at least, on the sphere of `distance.ts`. */
const METRES_A_DEGREE = (6_371_000 * Math.PI) / 180;

/** What the box of a row must meet, or the predicate is FALSE; an empty geometry has none. Null: nothing can be said. */
export function wantedBox({ operation, wkt, distance }: GeometryFilter): Box | null {
  if (operation === "isvalid") return null;
  const { box, dimension } = shapeOf(parseWkt(wkt));
  if (dimension < 0) return null;
  if (operation !== "dwithin") return box;
  // Meridians meet at the poles: only the latitude says how far something is at least.
  const margin = (distance / METRES_A_DEGREE) * (1 + 1e-9) + 1e-9;
  return { left: -Infinity, right: Infinity, bottom: box.bottom - margin, top: box.top + margin };
}
