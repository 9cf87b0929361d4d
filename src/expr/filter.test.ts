import assert from "node:assert/strict";
import { test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { type Filter, filterFieldIds, filterKeys, isAlwaysTrue } from "../model/filter.ts";
import { planError } from "./failure.ts";
import { DataType } from "../model/types.ts";
import { parseFilter } from "./filter.ts";
import { printFilter } from "./print.ts";
import type { TemplateValue } from "./templates.ts";
import { randomFilter } from "./testing/random-filter.ts";
import { SCHEMA } from "./testing/random-table.ts";
import { Random } from "./testing/random.ts";

const STATIC_SCHEMA = {
  ...SCHEMA,
  enableDynamicField: false,
  fields: SCHEMA.fields.filter((field) => !field.isDynamic),
};

function parse(text: string, templates: Readonly<Record<string, TemplateValue>> = {}): Filter {
  const filter = parseFilter(text, SCHEMA, new Map(Object.entries(templates)));
  assert.ok(filter !== null);
  return filter;
}

function detail(text: string, templates: Readonly<Record<string, TemplateValue>> = {}, schema = SCHEMA): string {
  try {
    parseFilter(text, schema, new Map(Object.entries(templates)));
  } catch (thrown) {
    assert.ok(thrown instanceof MilvusError, `${text}: ${String(thrown)}`);
    assert.equal(thrown.code, 1100);
    return thrown.message;
  }
  assert.fail(`should not parse: ${text}`);
}

/** Two spellings of one filter. */
function same(text: string, other: string): void {
  assert.deepEqual(parse(text), parse(other), `${text}  should be  ${other}`);
}

test("empty text is no filter", () => {
  assert.equal(parseFilter("", SCHEMA), null);
  assert.equal(parseFilter(" \n\t", SCHEMA), null);
});

test("precedence", () => {
  same("id == 1 or id == 2 and id == 3", "id == 1 or (id == 2 and id == 3)");
  same("id == 1 || id == 2 && id == 3", "id == 1 OR id == 2 AND id == 3");
  same("id == 1 + 2 * 3", "id == 7");
  same("id == (1 + 2) * 3", "id == 9");
  same("id == 7 - 3 - 2", "id == 2");
  same("id == 2 ** 3 ** 2", "id == 64");
  same("id == -2 ** 2", "id == -4");
  same("id == 7 / 2", "id == 3");
  same("id == -7 / 2", "id == -3");
  same("id == -7 % 3", "id == -1");
  same("f64 == 7 / 2.0", "f64 == 3.5");
  same("f64 == 2 ** -1", "f64 == 0.5");
  same("not (id == 1) and id == 2", "(not (id == 1)) and id == 2");
  same("! (id == 1)", "NOT (id == 1)");
  same('not word like "a%"', 'not (word like "a%")');
  same("not exists a", "not (exists a)");
  same("id in [1] or id not in [2]", "(id in [1]) or (not (id in [2]))");
  same("1 < id <= 5", "5 >= id > 1");
  same("5 > id", "id < 5");
  same("1 < id + 1", "id + 1 > 1");
  same("1 + id == 2", "id + 1 == 2");
  same("id == (1 | 6 & 3 ^ 4)", "id == 7");
  same("id == ~5", "id == -6");
  same("((id == 1))", "id == 1");
});

test("literals", () => {
  same("id == 0x1F", "id == 31");
  same("id == 017", "id == 15");
  same("id == 0b101", "id == 5");
  same("f64 == .5", "f64 == 0.5");
  same("f64 == 1.", "f64 == 1");
  same("f64 == 1e3", "f64 == 1000");
  same("f64 == 0x1.8p3", "f64 == 12");
  same("word == 'it\\'s'", 'word == "it\'s"');
  same('word == "\\u00e9\\x41\\101\\n"', 'word == "éAA\\n"');
  same('word == "\\U0001F600"', 'word == "😀"');
  same('word == "\\xc3\\xa9"', 'word == "é"');
  same('word == u8"a"', 'word == L"a"');
  same('word == r"a\\n"', 'word == "a\\\\n"');
  same('word == "\\q"', 'word == "q"');
  same("id in [1, 2, ]", "id in [1,2]");
  same("flag == True", "flag == true");
  same("id == -9223372036854775808", "id == -9223372036854775807 - 1");
  assert.match(detail("id == 9223372036854775808"), /out of range/);
  assert.match(detail("f64 == 1e999"), /out of range/);
  assert.match(detail("id == 09"), /octal/);
  assert.equal(detail('word == "a'), "line 1:8 token recognition error at: '\"'");
});

test("names", () => {
  same("color == 1", '$meta["color"] == 1');
  same('color["a"][0] == 1', "$meta['color']['a'][0] == 1");
  same("And == 1", '$meta["And"] == 1');
  same("颜色 == 1", '$meta["颜色"] == 1');
  same('doc[r"a\\b"] == 1', 'doc["a\\\\b"] == 1');
  assert.equal(detail("color == 1", {}, STATIC_SCHEMA), "field color not exist");
  assert.equal(detail('$meta["color"] == 1', {}, STATIC_SCHEMA), "field $meta not exist");
  assert.equal(detail('id["a"] == 1'), "Int64 data type not supported accessed with []");
  assert.equal(detail("doc[a] == 1"), "json key must be enclosed in double quotes or single quotes: a");
  assert.equal(detail('tags["a"] == 1'), "can only access array field with integer index");
  assert.equal(detail("doc == 1"), "can not comparisons jsonField directly");
  assert.match(detail("id == null"), /^NULL literal is not supported in expressions; use '<field> is null'/);
});

test("constant conditions are folded", () => {
  assert.ok(isAlwaysTrue(parse("1 < 2")));
  assert.ok(isAlwaysTrue(parse("true or id == 1")));
  assert.ok(isAlwaysTrue(parse("not (1 == 2)")));
  assert.deepEqual(parse("1 > 2"), { kind: "constant", value: false });
  assert.deepEqual(parse('"a" < "b" and 1 == 1.0'), { kind: "constant", value: true });
  same("false or id == 1", "id == 1");
  same("1 == 1 and id == 1", "id == 1");
  assert.ok(!isAlwaysTrue(parse("id == 1")));
});

test("keys of a filter", () => {
  assert.deepEqual(filterKeys(parse("id in [3, 1, 2]"), 100n), [3n, 1n, 2n]);
  assert.deepEqual(filterKeys(parse("id == 5"), 100n), [5n]);
  assert.deepEqual(filterKeys(parse("5 == id"), 100n), [5n]);
  assert.deepEqual(filterKeys(parse('word in ["a", "b"]'), 108n), ["a", "b"]);
  for (const text of ["id > 5", "id not in [1]", "id in [1] or id in [2]", "i64 in [1]", "id != 5", "id + 1 == 5"]) {
    assert.equal(filterKeys(parse(text), 100n), null, text);
  }
  assert.deepEqual([...filterFieldIds(parse("id > i32 or not (doc['a'] == 1 and id > 2)"))].toSorted(), [
    100n,
    104n,
    110n,
  ]);
});

test("typing: every message", () => {
  const messages: readonly (readonly [string, string])[] = [
    ["id == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    ["id == 1e30", "cannot cast value to Int64, value: float_val:1e+30"],
    ["id == 0.00001", "cannot cast value to Int64, value: float_val:1e-05"],
    ["id == 1234567.0", "cannot cast value to Int64, value: float_val:1.234567e+06"],
    ["tags == 1", "can not comparisons array fields directly"],
    ["tags in [1]", "can not comparisons array fields directly"],
    ["i32 == 1.5", "cannot cast value to Int32, value: float_val:1.5"],
    ["1.5 < id < 3", "cannot cast value to Int64, value: float_val:1.5"],
    ["id in [1.0]", "value 'float_val:1' in list cannot be casted to Int64"],
    ["flag in [0]", "value 'int64_val:0' in list cannot be casted to Bool"],
    ['id in ["x"]', "value 'string_val:\"x\"' in list cannot be casted to Int64"],
    ["word in [true]", "value 'bool_val:true' in list cannot be casted to VarChar"],
    ["word == 1", "comparisons between VarChar and Int64 are not supported"],
    ['id == "a"', "comparisons between Int64 and VarChar are not supported"],
    ["word == id", "comparisons between VarChar and Int64 are not supported"],
    ["flag == 1", "comparisons between Bool and Int64 are not supported"],
    ["flag > true", "invalid range operations on boolean expr"],
    ["true < flag < false", "invalid range operations on boolean expr"],
    ["flag", "predicate is not a boolean expression: flag, data type: Bool"],
    ["id", "predicate is not a boolean expression: id, data type: Int64"],
    ["id + 1", "predicate is not a boolean expression: id + 1, data type: Int64"],
    ["1", "predicate is not a boolean expression: 1, data type: Int64"],
    ['doc["a"] == doc["b"]', "two column comparison with JSON type is not supported"],
    ["id == color", "two column comparison with JSON type is not supported"],
    ["id + i64 == 5", "not supported to do arithmetic operations between multiple fields"],
    ["id + 1 == i64", "only comparison between two fields is supported"],
    ["id + 1 + 1 == 5", "complicated arithmetic operations are not supported"],
    ["2 / id == 1", "module field is not yet supported"],
    ["2 % id == 1", "module field is not yet supported"],
    ["2 - id == 1", "module field is not yet supported"],
    ["f64 % 2 == 0", "modulo can only apply on integer types"],
    ["id % 2.5 == 0", "modulo can only apply on integer types"],
    ["id + 1.5 == 2", "cannot perform arithmetic between Int64 field and Double"],
    ["id / 0 == 1", "division or modulus by zero"],
    ["id % 0 == 1", "division or modulus by zero"],
    ["f64 / 0.0 == 1", "division or modulus by zero"],
    ["id == 1 / 0", "cannot divide by zero"],
    ["id == 1 % 0", "cannot modulo by zero"],
    ["id == 1.5 % 2", "modulo can only apply on integer"],
    ["flag + 1 == 1", "add cannot apply on bool field"],
    ["word - 1 == 1", "subtract cannot apply on string field"],
    ["id == true * 2", "multiply cannot apply on bool field"],
    ['id == 1 / "a"', "divide cannot apply on string field"],
    ["id ** 2 == 4", "power can only apply on constants: id**2"],
    ["id << 1 == 2", "shift is not supported: id << 1"],
    ["id & 1 == 1", "invalid bitwise expression, left: id, op: &, right: 1==1"],
    ["(f64 & 1) == 1", "bitwise operations can only apply on integer types"],
    ["id == (1.5 & 1)", "bitand can only apply on integer fields"],
    ["(id == 1) + 1 == 2", "invalid arithmetic expression, left: (id==1), op: +, right: 1"],
    ["id in 5", "the right-hand side of 'in' must be a list, but got: 5"],
    ["id in (mn)", "value '(mn)' in list cannot be a non-const expression"],
    ["id in [id]", "array element type must be generic value, but got: id"],
    ["1 in [1]", "'term' can only be used on non-const expression, but got: 1"],
    ["id + 1 in [1]", "'term' can only be used on single field, but got: id+1"],
    ["id in not [1, 2]", "not can only apply on boolean"],
    ["not id == 1", "not op can only be applied on boolean expression"],
    ["not flag", "not op can only be applied on boolean expression"],
    ["not 1", "not can only apply on boolean"],
    ["id == 1 and id", "'and' can only be used between boolean expressions"],
    ["flag or id == 1", "'or' can only be used between boolean expressions"],
    ['1 == "a"', 'comparison operations cannot be applied to two incompatible operands: 1=="a"'],
    ["5 < id < 1", "invalid range: lowerbound is greater than upperbound"],
    ["1 < id < 1", "invalid range: lowerbound is greater than upperbound"],
    ["i32 < id < 5", "lowerbound cannot be a non-const expression: i32"],
    ["5 > id > i32", "lowerbound cannot be a non-const expression: i32"],
    ["1 < id < i32", "upperbound cannot be a non-const expression: i32"],
    ['1 < doc["a"] < "x"', "invalid range operations"],
    ['id like "a%"', "like operation on non-string or no-json field is unsupported"],
    ['"a" like "a%"', "the left operand of like is invalid"],
    ['(id + 1) like "a%"', "like operation on complicated expr is unsupported"],
    ["word like 5", "the pattern of like operation must be a string literal or template variable"],
    ["word like id", "the pattern of like operation must be a string literal or template variable"],
    ["vector is null", "IsNull/IsNotNull operations are not supported on vector fields"],
    ["tags[0] is null", "IsNull/IsNotNull operations are not supported on array element access, got: tags[0]"],
    ["exists id", "exists operation are only supported on json field now, got: id"],
    ["json_contains(id, 1)", "json_contains operation are only supported on json or array fields now, got: id"],
    ['json_contains_all(doc["a"], 1)', "ContainsAll operation element must be an array"],
    ['JSON_CONTAINS_ANY(doc["a"], 1)', "ContainsAny operation element must be an array"],
    ["id inn [1, 2]", "invalid expression: id inn [1, 2]"],
    ["id = 1", "invalid expression: id = 1"],
    ["id  is  null", "invalid expression: id  is  null"],
    ["foo(id)", "function foo with 1 arguments not found"],
    ["id == {x}", "the value of expression template variable name {x} is not found"],
    ["(id == 1", "line 1:8 mismatched input '<EOF>' expecting ')'"],
    ["id ==", "line 1:5 mismatched input '<EOF>' expecting an operand"],
    ["id == 1\n and and", "line 2:5 mismatched input 'and' expecting an operand"],
    ["id not 1", "line 1:7 mismatched input '1' expecting 'in'"],
    ["id == #", "line 1:6 token recognition error at: '#'"],
    ["vector == 1", "filter on FloatVector field is not supported"],
    ["id =~ 'a'", "regex match on non-string or non-json field is unsupported"],
    ["st_within(word, 'POINT (1 1)')", "st_within operation are only supported on geometry fields now, got: word"],
    ["st_dwithin(place, 'POINT (1 1)', -1)", "distance parameter must be non-negative, got: -1"],
    ["st_dwithin(place, 'POINT (1 1)', 'a')", "distance parameter must be a numeric value (int or float), got: 'a'"],
    [
      "st_dwithin(place, 'LINESTRING (1 1, 2 2)', 1)",
      "st_dwithin only supports POINT geometry, got: LINESTRING (1 1, 2 2)",
    ],
    ["st_equals(place, 'POINT (1)')", "invalid WKT: unexpected ')' at 9 of 'POINT (1)'"],
    ["place == 'POINT (1 1)'", "comparisons between Geometry and VarChar are not supported"],
    ["place in [1]", "value 'int64_val:1' in list cannot be casted to Geometry"],
    ["word =~ 1", "the pattern of regex match must be a string literal or template variable"],
    ["word !~ '('", "invalid regex pattern (: missing closing )"],
    ["id > ISO '2025-01-01T00:00:00Z'", "field 'id' is not a timestamptz datatype"],
    ["time > ISO 'noon'", "can not convert compare string: noon"],
    ["time + INTERVAL '1D' > ISO '2025-01-01'", "invalid ISO 8601 duration: 1D"],
    ["time > '2025-01-01'", "comparisons between Timestamptz and VarChar are not supported"],
    ["tags[0] == id", "field-to-field comparison involving ARRAY fields is not supported"],
    ["tags[0][1] == 1", "can only access array field with integer index"],
    ["tags[0] == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    ["array_contains(tags, 'a')", "contains operation can't compare between array element type: Int64 and VarChar"],
    ["array_contains(tags, [1])", "contains operation can't compare between array element type: Int64 and Array"],
    [
      "array_contains_any(tags, [1, true])",
      "contains operation can't compare between array element type: Int64 and Bool",
    ],
    ["array_contains(tags, 1.5)", "cannot cast value to Int64, value: float_val:1.5"],
    ["array_contains_all(tags, 1)", "ContainsAll operation element must be an array"],
    ["array_length(id) == 1", "array_length operation are only supported on json or array fields now, got: id"],
    ["array_length(tags) == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    ["array_length(tags) == 'a'", "comparisons between Int64 and VarChar are not supported"],
    ["array_length(tags) + 1 == 2", "complicated arithmetic operations are not supported"],
    ["array_length(tags)", "predicate is not a boolean expression: array_length(tags), data type: Int64"],
    ["(f64 & 1) == 1", "bitwise operations can only apply on integer types"],
    ["(id & 1.5) == 1", "bitwise operations can only apply on integer types"],
    ["id << 1 == 1", "shift is not supported: id << 1"],
    [
      "random_sample(0.1) and id == 1",
      "random sample expression can only be the last expression in the logical and expression",
    ],
    [
      "id == 1 or random_sample(0.1)",
      "random sample expression can only be the last expression in the logical and expression",
    ],
    ["not random_sample(0.1)", "random sample expression cannot be used in unary expression"],
    ["random_sample()", "sample factor missed: random_sample()"],
  ];
  for (const [text, message] of messages) assert.equal(detail(text), message, text);
});

test("arrays, lengths, bits and samples", () => {
  const tags = { fieldId: 112n, dataType: DataType.Array, path: [], elementType: DataType.Int64 };
  const third = { fieldId: 112n, dataType: DataType.Int64, path: ["2"] };
  assert.deepEqual(parse("tags[2] > 5"), { kind: "compare", field: third, operator: ">", value: 5n });
  assert.deepEqual(parse("tags[2] in {x}", { x: [1n] }), { kind: "in", field: third, values: [1n] });
  assert.deepEqual(parse("ARRAY_CONTAINS(tags, 1)"), parse("json_contains(tags, 1)"));
  assert.deepEqual(parse("array_contains_any(tags, {x})", { x: [1n, 2n] }), {
    kind: "contains",
    field: tags,
    mode: "any",
    elements: [1n, 2n],
  });
  assert.deepEqual(parse("3 <= array_length(tags)"), { kind: "length", field: tags, operator: ">=", value: 3n });
  assert.deepEqual(parse("tags is null"), { kind: "null", field: tags });
  const id = { fieldId: 100n, dataType: DataType.Int64, path: [] };
  const odd = { kind: "arithmetic", field: id, operator: "&", operand: 1n, comparison: "==", value: 1n };
  assert.deepEqual(parse("(id & 1) == 1"), odd);
  assert.deepEqual(parse("1 == (1 & id)"), odd);
  assert.equal(detail("id & 1 == 1"), "invalid bitwise expression, left: id, op: &, right: 1==1");
  const sample = parse("id > 1 and random_sample(0.25)");
  assert.ok(sample?.kind === "and" && sample.operands[1]!.kind === "sample");
  assert.notDeepEqual(parse("random_sample(0.25)"), parse("random_sample(0.25)"));
  assert.match(detail("random_sample(1.0)"), /^the sample factor should be between 0 and 1/);
});

test("what comes later says so, by name", () => {
  const forms = [
    ["TEXT_MATCH(word, 'a')", "TEXT_MATCH is not supported yet"],
    ["text_match(word, 'a', minimum_should_match=2)", "text_match is not supported yet"],
    ["doc['a'] == [1]", "comparison with a list is not supported yet"],
  ] as const;
  for (const [text, message] of forms) assert.equal(detail(text), message, text);
});

test("templates", () => {
  assert.deepEqual(parse("id in {ids}", { ids: [1n, 2n] }), parse("id in [1, 2]"));
  assert.deepEqual(parse("{a} < id <= {b}", { a: 1n, b: 5n }), parse("1 < id <= 5"));
  assert.deepEqual(parse("word like {p}", { p: "a%" }), parse('word like "a%"'));
  assert.deepEqual(parse("f64 > { x }", { x: 1n }), parse("f64 > 1"));
  const bytes = Buffer.from("[1, 2.5, 9007199254740993]");
  assert.deepEqual(parse("json_contains_any(color, {l})", { l: bytes }), {
    kind: "contains",
    field: { fieldId: 113n, dataType: 23, path: ["color"] },
    mode: "any",
    elements: [1n, 2.5, 9007199254740993n],
  });
  const term = "the value of term expression template variable {x} is not array";
  assert.equal(detail("id in {x}", { x: 1n }), term);
  assert.equal(detail("word like {x}", { x: 1n }), "the value of like expression template variable {x} is not string");
  assert.equal(detail("id == {x}", { x: null }), "expression template variable value is nil, template name: {x}");
  assert.equal(detail("id == {x}", { x: "a" }), 'cannot cast value to Int64, value: string_val:"a"');
  const placeholder = "placeholder was not supported between two constants with operator: ";
  assert.equal(detail("{x} == 1", { x: 1n }), `${placeholder}==`);
  assert.equal(detail("id == {x} + 1", { x: 1n }), `${placeholder}+`);
});

test("errors of requests", () => {
  const text = "id in [";
  const query = planError("query", text, detail(text));
  assert.equal(query.code, 1100);
  assert.equal(
    query.message,
    "failed to create query plan: cannot parse expression: id in [, error: " +
      "line 1:7 mismatched input '<EOF>' expecting an operand: invalid parameter",
  );
  const erase = planError("delete", "id == 1.5", detail("id == 1.5"));
  assert.match(
    erase.message,
    /^failed to create delete plan: cannot parse expression: id == 1.5, error: cannot cast value/,
  );
  assert.match(
    planError("query", "id", detail("id")).message,
    /^failed to create query plan: predicate is not a boolean/,
  );
});

test("a filter printed and parsed is the same filter", () => {
  for (let seed = 1; seed <= 4000; seed += 1) {
    const filter = randomFilter(new Random(seed));
    const text = printFilter(filter, SCHEMA);
    assert.deepEqual(parse(text), filter, `seed ${seed}: ${text}`);
  }
});

test("hostile text fails with an error, not with a crash", () => {
  const many = 200_000;
  const texts = [
    "(".repeat(many),
    `${"(".repeat(many)}id == 1${")".repeat(many)}`,
    "not ".repeat(many),
    "-".repeat(many),
    "[".repeat(many),
    `id == ${"1 + ".repeat(many)}1`,
    `id == ${"2 ** ".repeat(many)}2`,
    `id == 1${" == 1".repeat(many)}`,
    `${"exists ".repeat(many)}a`,
    `doc${"[0]".repeat(many)} == 1`,
    `id == ${"9".repeat(many)}`,
    `id == 1.${"9".repeat(many)}e5`,
    `word == "${"\\q".repeat(many)}`,
    `${"json_contains(".repeat(many)}`,
    `id in [${"id,".repeat(many)}]`,
    `${" ".repeat(many)}#`,
    `"${"\n".repeat(many)}`,
    Array.from({ length: 300 }, (_, at) => `k${at} == 1`).join(" or "),
  ];
  for (const text of texts) assert.ok(detail(text).length < 5000 + text.length);
  assert.match(detail("(".repeat(many)), /nested too deeply, the limit is 500 levels/);
});

test("long but flat filters parse", () => {
  const count = 20_000;
  const filter = parse(Array.from({ length: count }, (_, at) => `id == ${at}`).join(" or "));
  assert.ok(filter.kind === "or" && filter.operands.length === count);
  const nested = `${"(".repeat(200)}id == 1${" or id == 2)".repeat(200)}`;
  assert.ok(parse(nested).kind === "or");
});

test("a list of 100,000 keys parses at once", () => {
  const keys = Array.from({ length: 100_000 }, (_, at) => BigInt(at) * 92233720368547n);
  const text = `id in [${keys.join(", ")}]`;
  parse(text);
  // Of the processor: how busy the machine is says nothing of the parser.
  const before = process.threadCpuUsage();
  const filter = parse(text);
  const { user, system } = process.threadCpuUsage(before);
  const milliseconds = (user + system) / 1000;
  assert.deepEqual(filterKeys(filter, 100n), keys);
  // Ten times what it takes on a quiet machine.
  assert.ok(milliseconds < 1000, `${milliseconds} ms`);
});

const TOKENS =
  "id word doc $meta tags vector color flag f64 1 2.5 'a' \"b\" true null ( ) [ ] { } , + - * / % ** == != < <= > >= && || ! and or " +
  'not in like exists is is_null {x} doc["a"] json_contains( text_match( 0x 1e .5 \\ ~ & | ^ << =~ $[ é \u{1F600} # "';

test("fuzz: token soup and mutated filters give a filter or a MilvusError", () => {
  const random = new Random(4711);
  const tokens = [...TOKENS.split(" "), "is null", "is not null", "\n", ""];
  let parsed = 0;
  for (let number = 0; number < 30_000; number += 1) {
    let text: string;
    if (number % 2 === 0) {
      text = Array.from({ length: 1 + random.below(12) }, () => random.pick(tokens)).join(random.pick([" ", ""]));
    } else {
      text = printFilter(randomFilter(random, 2), SCHEMA);
      for (let change = random.below(4); change > 0; change -= 1) {
        const at = random.below(text.length + 1);
        const tail = text.slice(at + random.below(3));
        text = text.slice(0, at) + random.pick([...tokens, String.fromCharCode(random.below(300))]) + tail;
      }
    }
    try {
      parsed += +(parseFilter(text, SCHEMA, new Map([["x", 1n]])) !== null);
    } catch (thrown) {
      assert.ok(thrown instanceof MilvusError, `${JSON.stringify(text)}: ${String(thrown)}`);
    }
  }
  assert.ok(parsed > 2000, `${parsed}`);
});
