/**
 * The tables of a run: every type that a collection can hold, in every variant that it may have, dealt to three collections by chance.
 *
 * Always true: each (type, variant) of `cards` is a field of one of the tables; each table has a vector to search by, and stays within what
 * Milvus allows (64 fields, 10 of vectors).
 */

import type { Random } from "../../../src/expr/testing/random.ts";
import { type Carried, drawValue } from "./draw.ts";
import {
  ANCHOR,
  DENSE,
  ELEMENTS,
  type Field,
  NUMBERS,
  SCALARS,
  type Table,
  type TypeName,
  VECTORS,
  vectorsOf,
} from "./fields.ts";

const TABLES = 3;
const MOST_VECTORS = 10;
const ANCHOR_FIELD: Field = { name: ANCHOR, type: "FloatVector", nullable: false, dimension: 2 };
const DEFAULTED: readonly string[] = [...NUMBERS, "VarChar", "Timestamptz"];

/** Numbers that a type needs beside its name. */
function sized(random: Random, type: TypeName): Partial<Field> {
  if (type === "VarChar") return { maxLengthBytes: random.pick([4, 11, 40, 300]) };
  if (type === "BinaryVector") return { dimension: 8 * (1 + random.below(5)) };
  if (type === "SparseFloatVector" || !(VECTORS as readonly string[]).includes(type)) return {};
  return { dimension: 2 + random.below(8) };
}

function structCard(random: Random, name: string, nullable: boolean): Field {
  const fields = [...ELEMENTS, ...DENSE].map((type): Field => ({
    name: `s_${type.toLowerCase()}`,
    type,
    nullable: false,
    ...sized(random, type),
  }));
  return { name, type: "Struct", nullable, fields, capacity: 1 + random.below(6) };
}

/** Every type in every variant, in the order of their names. */
function cards(random: Random, carried: Carried): Field[] {
  const dealt: Field[] = [];
  for (const nullable of [false, true]) {
    const suffix = nullable ? "_null" : "";
    for (const type of [...SCALARS, ...VECTORS]) {
      const field: Field = { name: `${type.toLowerCase()}${suffix}`, type, nullable, ...sized(random, type) };
      dealt.push(field);
      if (!DEFAULTED.includes(type)) continue;
      const initial = drawValue(random, field, { ...carried, coarseTimes: carried.coarseDefaults });
      dealt.push({ ...field, name: `${field.name}_default`, default: initial });
    }
    for (const type of ELEMENTS) {
      const element: Field = { name: "", type, nullable: false, ...sized(random, type) };
      const name = `list_${type.toLowerCase()}${suffix}`;
      dealt.push({ name, type: "Array", nullable, element, capacity: 1 + random.below(12) });
    }
    dealt.push(structCard(random, `struct${suffix}`, nullable));
  }
  return dealt;
}

export function drawTables(random: Random, carried: Carried, run: string): Table[] {
  const hands: Field[][] = Array.from({ length: TABLES }, () => []);
  const vectorCount = (hand: readonly Field[]): number => hand.reduce((sum, field) => sum + vectorsOf(field), 1);
  const shuffled = cards(random, carried)
    .map((field) => ({ field, place: random.next() }))
    .toSorted((left, right) => left.place - right.place)
    // What has many vectors first: it needs the room.
    .toSorted((left, right) => vectorsOf(right.field) - vectorsOf(left.field));
  for (const { field } of shuffled) {
    const fitting = hands.filter(
      (hand) => vectorsOf(field) === 0 || vectorCount(hand) + vectorsOf(field) <= MOST_VECTORS,
    );
    const least = Math.min(...fitting.map((hand) => hand.length));
    random.pick(fitting.filter((hand) => hand.length === least)).push(field);
  }
  const plainTable = random.below(TABLES);
  return hands.map((fields, at) => ({
    name: `${run}_${at}`,
    keyType: random.pick(["Int64", "VarChar"] as const),
    automatic: random.chance(0.25),
    // One without: there all that a client carries is carried.
    dynamic: at !== plainTable,
    shards: 1 + random.below(2),
    fields: [...fields, ANCHOR_FIELD],
  }));
}
