import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { type Geometry, GeometryError, type Point } from "../../model/geometry.ts";
import { decodeWkb, encodeWkb } from "../../model/wkb.ts";
import { formatWkt, parseWkt } from "../../model/wkt.ts";
import { distanceMetres } from "./distance.ts";
import { type GeometryPredicate, holdsPredicate, relate } from "./relate.ts";
import { orientation } from "./orientation.ts";
import { shapeOf } from "./shape.ts";
import { isValidGeometry } from "./validity.ts";

const PREDICATES: readonly GeometryPredicate[] = [
  "equals",
  "touches",
  "overlaps",
  "crosses",
  "contains",
  "intersects",
  "within",
];

/**
 * Pairs of random geometries and what GEOS 3.14 says of them, predicate by predicate. Not among them: a polygon with a hole beside the same
 * one with an island in its hole, of which GEOS says that they overlap, and we that one contains the other.
 */
const CASES = readFileSync(new URL("testing/geos-cases.txt", import.meta.url), "utf8")
  .trim()
  .split("\n");

test("predicates say what GEOS says", () => {
  assert.ok(CASES.length > 300);
  for (const line of CASES) {
    const [first, second, expected] = line.split("\t") as [string, string, string];
    const shapes = [shapeOf(parseWkt(first)), shapeOf(decodeWkb(encodeWkb(parseWkt(second))))] as const;
    const said = PREDICATES.map((predicate) => +holdsPredicate(predicate, ...shapes)).join("");
    assert.equal(said, expected, `${first} and ${second}`);
  }
});

test("the matrix turns over when the two change places, and a move changes nothing", () => {
  for (const line of CASES) {
    const [first, second] = line.split("\t", 2).map((text) => parseWkt(text)) as [Geometry, Geometry];
    const matrix = relate(shapeOf(first), shapeOf(second));
    const turned = relate(shapeOf(second), shapeOf(first));
    assert.deepEqual(
      [0, 3, 6, 1, 4, 7, 2, 5, 8].map((cell) => turned[cell]),
      [...matrix],
      line,
    );
    // By halves and whole numbers, which no coordinate rounds.
    const moved = [first, second].map((geometry) => shapeOf(map(geometry, ([x, y]) => [8 - x / 2, y / 2 + 16]))) as [
      ReturnType<typeof shapeOf>,
      ReturnType<typeof shapeOf>,
    ];
    if (!/\.\d/.test(line)) assert.deepEqual(relate(...moved), matrix, line);
  }
});

function map(geometry: Geometry, change: (point: Point) => Point): Geometry {
  switch (geometry.kind) {
    case "Point":
      return { ...geometry, point: geometry.point === null ? null : change(geometry.point) };
    case "LineString":
      return { ...geometry, points: geometry.points.map(change) };
    case "Polygon":
      return { ...geometry, rings: geometry.rings.map((ring) => ring.map(change)) };
    default:
      return { ...geometry, parts: geometry.parts.map((part) => map(part, change)) };
  }
}

const coordinate = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const point: fc.Arbitrary<Point> = fc.tuple(coordinate, coordinate);
const ring = fc.array(point, { minLength: 3, maxLength: 6 }).map((points): Point[] => [...points, points[0]!]);
const simple: fc.Arbitrary<Geometry> = fc.oneof(
  fc.record({ kind: fc.constant("Point" as const), point: fc.option(point) }),
  fc.record({
    kind: fc.constant("LineString" as const),
    points: fc.array(point, { minLength: 2, maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant("LineString" as const), points: fc.constant([]) }),
  fc.record({ kind: fc.constant("Polygon" as const), rings: fc.array(ring, { maxLength: 3 }) }),
);
const drawnGeometry: fc.Arbitrary<Geometry> = fc.oneof(
  simple,
  fc.record({
    kind: fc.constant("GeometryCollection" as const),
    parts: fc.array(simple, { maxLength: 4 }),
  }),
  ...(["Point", "LineString", "Polygon"] as const).map((kind) =>
    fc
      .array(simple, { maxLength: 6 })
      .map((parts): Geometry => ({ kind: `Multi${kind}` as const, parts: parts.filter((part) => part.kind === kind) })),
  ),
);

test("property: text and bytes come back as they were", () => {
  fc.assert(
    fc.property(drawnGeometry, (drawn) => {
      // Drawn records have no prototype.
      const geometry = structuredClone(drawn);
      assert.deepEqual(parseWkt(formatWkt(geometry)), geometry);
      assert.deepEqual(decodeWkb(encodeWkb(geometry)), geometry);
    }),
  );
});

test("property: damaged bytes and text are errors, never crashes", () => {
  fc.assert(
    fc.property(drawnGeometry, fc.nat(), fc.nat(255), (geometry, place, byte) => {
      const bytes = encodeWkb(geometry);
      bytes[place % bytes.length] = byte;
      const text = formatWkt(geometry);
      for (const read of [
        (): unknown => decodeWkb(bytes),
        (): unknown => decodeWkb(bytes.subarray(0, place % bytes.length)),
        (): unknown => parseWkt(text.slice(0, place % text.length)),
      ]) {
        try {
          read();
        } catch (thrown) {
          assert.ok(thrown instanceof GeometryError, String(thrown));
        }
      }
    }),
  );
});

test("validity", () => {
  const valid = ["POINT (1 1)", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 1 1))"];
  const wrong = [
    "LINESTRING (1 1, 1 1)",
    "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (5 5, 6 5, 6 6, 5 5))",
    "POLYGON ((0 0, 1 0, 2 0, 0 0))",
    "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 0)), ((1 0, 5 0, 5 4, 1 0)))",
  ];
  for (const text of valid) assert.ok(isValidGeometry(parseWkt(text)), text);
  for (const text of wrong) assert.ok(!isValidGeometry(parseWkt(text)), text);
});

test("distances and sides", () => {
  const berlin = shapeOf(parseWkt("POINT (13.405 52.52)"));
  assert.ok(Math.abs(distanceMetres(berlin, [2.3522, 48.8566]) - 877_464) < 100);
  assert.equal(distanceMetres(shapeOf(parseWkt("POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))")), [1, 1]), 0);
  assert.equal(distanceMetres(shapeOf(parseWkt("POINT EMPTY")), [1, 1]), Infinity);
  // 0.1 · 3 and 0.3 differ by less than the product of their differences can say.
  assert.equal(orientation([0, 0], [0.1, 0.1], [0.3, 0.3]), 0);
  assert.equal(orientation([0, 0], [1e-300, 1e-300], [3e-300, 2e-300]), -1);
  // Rounded, 3 · 0.1 is on the line; as it is written, it is to the right by 3e-17.
  assert.equal(orientation([0, 0], [3, 1], [3 * 0.1, 0.1]), -1);
});
