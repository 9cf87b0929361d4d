import assert from "node:assert/strict";
import { test } from "node:test";
import type { CollectionSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { plainField } from "../model/testing/plain-field.ts";
import { parseFilter } from "./filter.ts";

const SCHEMA: CollectionSchema = {
  name: "c",
  description: "",
  fields: [
    plainField(100n, "id", DataType.Int64, { isPrimaryKey: true }),
    plainField(105n, "doc", DataType.JSON),
    plainField(102n, "s[n]", DataType.Array, { elementType: DataType.Int64 }),
  ],
  structs: [{ fieldId: 101n, name: "s", description: "", nullable: false, typeParams: [], fieldIds: [102n] }],
  enableDynamicField: false,
  version: 0,
};

function parse(text: string): unknown {
  return parseFilter(text, SCHEMA);
}

test("a sub-field is a field of arrays", () => {
  const field = { fieldId: 102n, dataType: DataType.Array, path: [], elementType: DataType.Int64 };
  assert.deepEqual(parse("array_contains(s[n], 3)"), { kind: "contains", field, mode: "one", elements: [3n] });
  assert.deepEqual(parse("array_length(s[n]) > 1"), { kind: "length", field, operator: ">", value: 1n });
  const element = { fieldId: 102n, dataType: DataType.Int64, path: ["2"] };
  assert.deepEqual(parse("s[2][n] == 5"), { kind: "compare", field: element, operator: "==", value: 5n });
});

test("what is no sub-field is refused", () => {
  const refusals = [
    ["s[other] == 1", "struct field not found: s[other]"],
    ["s[0] == 1", "struct field not found: s[0]"],
    ["s == 1", "struct field not found: s"],
    ["s[n][0] == 1", "struct field not found: s[n][0]"],
    ["t[n] == 1", "struct field not found: t[n]"],
    ["doc[n] == 1", "json key must be enclosed in double quotes or single quotes: n"],
    ["s[n] == 1", "can not comparisons array fields directly"],
  ] as const;
  for (const [text, message] of refusals) {
    assert.throws(
      () => parse(text),
      (error: Error) => error.message.includes(message),
      text,
    );
  }
});
