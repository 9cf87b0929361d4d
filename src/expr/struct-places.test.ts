import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasBit } from "../model/bitset.ts";
import { type Column, type ElementColumn, bytesColumn } from "../model/columns.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { plainField } from "../model/testing/plain-field.ts";
import { evaluateFilter } from "./evaluate.ts";
import { parseFilter } from "./filter.ts";
import { oracleTruth } from "./oracle.ts";
import { printFilter } from "./print.ts";

const SCHEMA: CollectionSchema = {
  name: "c",
  description: "",
  fields: [
    plainField(100n, "id", DataType.Int64, { isPrimaryKey: true }),
    plainField(105n, "doc", DataType.JSON),
    plainField(102n, "s[n]", DataType.Array, { elementType: DataType.Int64, nullable: true }),
    plainField(103n, "s[t]", DataType.Array, { elementType: DataType.VarChar, nullable: true }),
  ],
  structs: [{ fieldId: 101n, name: "s", description: "", nullable: true, typeParams: [], fieldIds: [102n, 103n] }],
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

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">="] as const;
const leaf: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(fc.constantFrom(...COMPARISONS), fc.nat(4)).map(([operator, value]) => `$[n] ${operator} ${value}`),
  fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }).map((values) => `$[n] in [${values.join(", ")}]`),
  fc.constantFrom('$[t] == "a"', '$[t] like "a%"', '$[t] != "bb"', "$[n] % 2 == 1", "1 < $[n] <= 3", "$[n] + 1 > 3"),
);
const condition: fc.Arbitrary<string> = fc.oneof(
  leaf,
  fc.tuple(leaf, fc.constantFrom("and", "or"), leaf).map(([left, word, right]) => `(${left}) ${word} not (${right})`),
);
const match = fc.oneof(
  fc
    .tuple(fc.constantFrom("match_any", "match_all", "element_filter"), condition)
    .map(([call, of]) => `${call}(s, ${of})`),
  fc
    .tuple(fc.constantFrom("match_least", "match_most", "match_exact"), condition, fc.integer({ min: 1, max: 3 }))
    .map(([call, of, count]) => `${call}(s, ${of}, threshold=${count})`),
);
const structs = fc.array(
  fc.option(fc.array(fc.tuple(fc.nat(4), fc.constantFrom("", "a", "ab", "bb")), { maxLength: 4 })),
  { minLength: 1, maxLength: 30 },
);

test("property: match_… and element_filter say what a count of elements says, and print to what they are", () => {
  fc.assert(
    fc.property(match, structs, (text, rows) => {
      const filter = parseFilter(text, SCHEMA)!;
      assert.deepEqual(parseFilter(printFilter(filter, SCHEMA), SCHEMA), filter);
      const offsets = new Uint32Array(rows.length + 1);
      for (const [row, elements] of rows.entries()) offsets[row + 1] = offsets[row]! + (elements?.length ?? 0);
      const flat = rows.flatMap((elements) => elements ?? []);
      const valid = Uint8Array.from(rows, (elements) => +(elements !== null));
      const arrays = (elements: ElementColumn): Column => {
        return { kind: "array", type: DataType.Array, elementType: elements.type, offsets, elements, valid };
      };
      const values = BigInt64Array.from(flat, ([number]) => BigInt(number));
      const columns = new Map([
        [102n, arrays({ kind: "fixed", type: DataType.Int64, values, valid: null })],
        [
          103n,
          arrays(
            bytesColumn(
              DataType.VarChar,
              flat.map(([, word]) => word),
            ),
          ),
        ],
      ]);
      const source = { column: (fieldId: bigint) => columns.get(fieldId)! };
      const seen = evaluateFilter(filter, source, rows.length);
      for (let row = 0; row < rows.length; row += 1) {
        assert.equal(hasBit(seen, row), oracleTruth(filter, source, row) === true, `${text}, row ${row}`);
      }
    }),
    { numRuns: 500 },
  );
});

test("what cannot be asked of elements is refused", () => {
  const refusals = [
    ["$[n] == 1", "$[n] syntax can only be used inside ElementFilter or MATCH_*"],
    [
      "match_any(s, match_all(s, $[n] == 1))",
      "nested MATCH_ALL is not supported, already inside match expression for field: s",
    ],
    ["match_any(none, $[n] == 1)", "struct field not found: none"],
    ["match_any(s, $[other] == 1)", "struct field not found: s[other]"],
    ["match_any(s, id == 1)", "only $[sub-field] can be used inside match expression for field: s, got: id"],
    ["match_any(s, $[n])", "predicate is not a boolean expression"],
    ["match_any(s)", "function match_any with 1 arguments not found"],
    ["match_any(s, $[n] == 1, threshold=1)", "function match_any with 2 arguments not found"],
    ["match_least(s, $[n] == 1)", "function match_least with 2 arguments not found"],
    ["match_least(s, $[n] == 1, threshold=0)", "count in MATCH_LEAST must be positive, got: 0"],
    ["match_most(s, $[n] == 1, threshold=-1)", "count in MATCH_MOST cannot be negative, got: -1"],
    ["not element_filter(s, $[n] == 1)", "element filter expression cannot be used in unary expression"],
    ["element_filter(s, $[n] == 1) or id == 1", "element filter expression can only be the last expression"],
    ["element_filter(s, $[n] == 1) and id == 1", "element filter expression can only be the last expression"],
  ] as const;
  for (const [text, message] of refusals) {
    assert.throws(
      () => parse(text),
      (error: Error) => error.message.includes(message),
      text,
    );
  }
});
