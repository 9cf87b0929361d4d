/**
 * Filters that keep to some groups of rows, by the values of fields.
 *
 * Always true: such a filter is TRUE or FALSE and never UNKNOWN, so that its negation passes the rows of all other groups.
 */

import { joined, negation } from "../expr/logic.ts";
import type { Constant, FieldPlace, Filter } from "../model/filter.ts";
import type { Scalar } from "../model/scalars.ts";
import type { FieldSchema } from "../model/schema.ts";

/** `groups` has a value of each field. */
export function insideGroups(fields: readonly FieldSchema[], groups: readonly (readonly Scalar[])[]): Filter {
  // The field with most values last: its values are lists, those of the others are compared one by one.
  const count = (at: number): number => new Set(groups.map((values) => values[at])).size;
  const order = [...fields.keys()].toSorted((left, right) => count(left) - count(right));
  const sorted = groups.map((values) => order.map((at) => values[at]!));
  return among(
    order.map((at) => fields[at]!),
    sorted,
    0,
  );
}

export function outsideGroups(fields: readonly FieldSchema[], groups: readonly (readonly Scalar[])[]): Filter {
  return negation(insideGroups(fields, groups));
}

function among(fields: readonly FieldSchema[], groups: readonly (readonly Scalar[])[], at: number): Filter {
  const field = fields[at]!;
  const values = [...new Set(groups.map((group) => group[at]!))];
  if (at === fields.length - 1) return oneOf(field, values);
  return joined(
    "or",
    values.map((value) => {
      const rest = groups.filter((group) => group[at] === value);
      return joined("and", [oneOf(field, [value]), among(fields, rest, at + 1)]);
    }),
  );
}

function oneOf(field: FieldSchema, values: readonly Scalar[]): Filter {
  const constants = values.filter((value): value is Constant => value !== null);
  const isNull: Filter = { kind: "null", field: placeOf(field) };
  const isListed: Filter = { kind: "in", field: placeOf(field), values: constants };
  if (!field.nullable) return isListed;
  if (constants.length === 0) return isNull;
  return values.includes(null)
    ? joined("or", [isNull, isListed])
    : joined("and", [{ kind: "not", operand: isNull }, isListed]);
}

function placeOf({ fieldId, dataType }: FieldSchema): FieldPlace {
  return { fieldId, dataType, path: [] };
}
