import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HybridSearchRequestSchema, SearchResults } from "../wire/generated/milvus_pb.js";
import { FunctionType } from "../wire/generated/schema_pb.js";
import { ok, params, searchFor, service } from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, createThings, hitsOf, ranked, valuesOf } from "./testing/things.ts";

type Params = Readonly<Record<string, string>>;
type Field = "near" | "along";
interface Scored {
  readonly row: Thing;
  readonly score: number;
}

const QUERIES = { near: [1, 2, 0], along: [2, 1] } as const;
const DEPTH = 30;

function score(functions: readonly (Params & { readonly inputs?: never })[], modes: Params = {}, input?: string) {
  return {
    functions: functions.map((given, at) => ({
      name: `f${at}`,
      type: FunctionType.Rerank,
      inputFieldNames: given["reranker"] === "decay" || given["reranker"] === "model" ? [input ?? "weight"] : [],
      params: params(given),
    })),
    params: params(modes),
  };
}

/** Best first, ties by key; who has no number comes last, as 0. */
function inOrder(scored: readonly { readonly row: Thing; readonly score: number | null }[], sign: 1 | -1) {
  return scored
    .toSorted((left, right) => {
      if (left.score === null || right.score === null) {
        if (left.score !== right.score) return left.score === null ? 1 : -1;
      } else if (left.score !== right.score) return sign * (left.score - right.score);
      return left.row.id - right.row.id;
    })
    .map(({ row, score: told }) => ({ row, score: told ?? 0 }));
}

const told = (hits: readonly Scored[]) => hits.map(({ row, score: value }) => ({ id: row.id, score: value }));
const turned = (distance: number): number => Math.fround(1 - (2 * Math.atan(distance)) / Math.PI);

describe("functions that rank", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client);
  });

  function search(field: Field, functionScore: object, given: Params = {}, more: object = {}): Promise<SearchResults> {
    const asked = { anns_field: field, topk: "10", ...given };
    return db.client.call(service.search, searchFor(THINGS, [QUERIES[field]], asked, { functionScore, ...more }));
  }

  function hybrid(functionScore: object, rankParams: Params = {}): Promise<SearchResults> {
    return db.client.call(service.hybridSearch, {
      collectionName: THINGS,
      requests: (["near", "along"] as const).map((field) =>
        searchFor(THINGS, [QUERIES[field]], { anns_field: field, topk: String(DEPTH) }),
      ),
      rankParams: params({ limit: "12", ...rankParams }),
      functionScore,
      useDefaultConsistency: true,
    } as MessageInitShape<typeof HybridSearchRequestSchema>);
  }

  const CURVES: Readonly<Record<string, (distance: number, scale: number, decay: number) => number>> = {
    gauss: (distance, scale, decay) => Math.exp((Math.log(decay) * distance ** 2) / scale ** 2),
    exp: (distance, scale, decay) => Math.exp((Math.log(decay) * distance) / scale),
    linear: (distance, scale, decay) => Math.max(decay, 1 - (distance * (1 - decay)) / scale),
  };
  const DECAY = { reranker: "decay", origin: "0.5", scale: "1.25", offset: "0.25", decay: "0.3" };

  function decayed(found: readonly Scored[], name: string, field: "weight" | "size" = "weight") {
    return found.map(({ row, score: value }) => {
      const x = row[field];
      const distance = Math.max(0, Math.abs((x ?? 0) - 0.5) - 0.25);
      return { row, score: x === null ? null : Math.fround(value * CURVES[name]!(distance, 1.25, 0.3)) };
    });
  }

  for (const name of Object.keys(CURVES)) {
    test(`decay by ${name}: scores fall with the distance of a number from its origin`, async () => {
      for (const [field, value] of [
        ["near", turned],
        ["along", (given: number) => given],
      ] as const) {
        for (const [offset, limit] of [
          [0, 10],
          [4, 40],
        ] as const) {
          const page = ranked(rows, field, QUERIES[field])
            .slice(offset, offset + limit)
            .map(({ row, score: given }) => ({ row, score: value(given) }));
          const answer = await search(
            field,
            score([{ ...DECAY, function: name }]),
            { topk: String(limit), offset: String(offset) },
            { outputFields: ["weight"] },
          );
          ok(answer);
          const wanted = inOrder(decayed(page, name), -1);
          assert.deepEqual(hitsOf(answer)[0], told(wanted), `${field} ${offset}`);
          assert.deepEqual(
            valuesOf(answer.results!.fieldsData, "weight"),
            wanted.map(({ row }) => row.weight),
          );
        }
      }
    });
  }

  test("decay of an integer field, with scores brought to one scale", async () => {
    const answer = await search("along", score([{ ...DECAY, function: "exp", norm_score: "true" }], {}, "size"));
    ok(answer);
    const page = ranked(rows, "along", QUERIES.along)
      .slice(0, 10)
      .map(({ row, score: given }) => ({ row, score: Math.fround(0.5 + Math.atan(given) / Math.PI) }));
    assert.deepEqual(hitsOf(answer)[0], told(inOrder(decayed(page, "exp", "size"), -1)));
  });

  function lists(): Scored[][] {
    return (["near", "along"] as const).map((field) =>
      ranked(rows, field, QUERIES[field])
        .slice(0, DEPTH)
        .map(({ row, score: given }) => ({ row, score: field === "near" ? turned(given) : given })),
    );
  }

  const MODES: Readonly<Record<string, (values: readonly number[]) => number>> = {
    max: (values) => Math.max(...values),
    sum: (values) => values.reduce((sum, value) => Math.fround(sum + value), 0),
    avg: (values) => Math.fround(values.reduce((sum, value) => Math.fround(sum + value), 0) / values.length),
  };
  for (const [mode, merge] of Object.entries(MODES)) {
    test(`decay of several searches, by the ${mode} of their scores`, async () => {
      const functions = score([{ ...DECAY, function: "gauss", score_mode: mode }]);
      const answer = await hybrid(functions, { offset: "3" });
      ok(answer);
      const byRow = Map.groupBy(lists().flat(), ({ row }) => row);
      const merged = Array.from(byRow, ([row, found]) => ({ row, score: merge(found.map((one) => one.score)) }));
      assert.deepEqual(hitsOf(answer)[0], told(inOrder(decayed(merged, "gauss"), -1).slice(3, 15)));
    });
  }

  test("decay in groups: of one search, and of several", async () => {
    const functions = score([{ ...DECAY, function: "linear" }], {}, "size");
    const answer = await search("along", functions, { group_by_field: "color", group_size: "3", topk: "4" });
    ok(answer);
    const groups = Map.groupBy(ranked(rows, "along", QUERIES.along), ({ row }) => row.color);
    const found = [...groups.values()].slice(0, 4).flatMap((members) => members.slice(0, 3));
    const after = Map.groupBy(inOrder(decayed(found, "linear", "size"), -1), ({ row }) => row.color);
    assert.deepEqual(hitsOf(answer)[0], told([...after.values()].flat()));
    const both = await hybrid(functions, { group_by_field: "flag", group_size: "2", limit: "2" });
    ok(both);
    const hits = hitsOf(both)[0]!;
    assert.equal(hits.length, 4);
    assert.ok(hits[0]!.score >= hits[1]!.score && hits[2]!.score >= hits[3]!.score);
  });

  const MORE = { reranker: "boost", weight: "1.5", filter: "size > 1" };
  const LESS = { reranker: "boost", weight: "0.25", filter: 'color == "red"' };

  /** Of the best hits before any offset. */
  function boosted(
    field: Field,
    depth: number,
    functions: readonly { readonly weight: number; readonly means: (row: Thing) => boolean }[],
    [among, onScore]: readonly ["multiply" | "sum", "multiply" | "sum"],
  ): Scored[] {
    const join = {
      multiply: (a: number, b: number) => Math.fround(a * b),
      sum: (a: number, b: number) => Math.fround(a + b),
    };
    const best = ranked(rows, field, QUERIES[field]).slice(0, depth);
    const weighed = best.map(({ row, score: given }) => {
      const weights = functions.filter(({ means }) => means(row)).map(({ weight }) => weight);
      return { row, score: weights.length === 0 ? given : join[onScore](given, weights.reduce(join[among])) };
    });
    return inOrder(weighed, field === "near" ? 1 : -1);
  }

  test("boost: weights for the rows of filters, multiplied or added", async () => {
    const functions = [
      { weight: 1.5, means: ({ size }: Thing) => size > 1 },
      { weight: 0.25, means: ({ color }: Thing) => color === "red" },
    ];
    for (const field of ["near", "along"] as const) {
      for (const among of ["multiply", "sum"] as const) {
        for (const onScore of ["multiply", "sum"] as const) {
          const modes = { function_mode: among, boost_mode: onScore };
          const answer = await search(field, score([MORE, LESS], modes), { topk: "15", offset: "5" });
          ok(answer);
          const wanted = boosted(field, 20, functions, [among, onScore]).slice(5);
          assert.deepEqual(hitsOf(answer)[0], told(wanted), `${field} ${among} ${onScore}`);
        }
      }
    }
    const all = await search("along", score([{ reranker: "boost", weight: "2" }]));
    assert.deepEqual(
      hitsOf(all)[0],
      told(boosted("along", 10, [{ weight: 2, means: () => true }], ["sum", "multiply"])),
    );
  });

  test("boost by a draw: the same seed draws the same, another another, each between nothing and the weight", async () => {
    const drawn = async (random: object): Promise<Map<number, number>> => {
      const one = { reranker: "boost", weight: "4", random_score: JSON.stringify(random) };
      const answer = await search("along", score([one], { boost_mode: "sum" }), { topk: "40" });
      ok(answer);
      const before = new Map(ranked(rows, "along", QUERIES.along).map(({ row, score: given }) => [row.id, given]));
      return new Map(hitsOf(answer)[0]!.map(({ id, score: value }) => [id, value - before.get(id)!]));
    };
    const first = await drawn({ seed: 126, field: "id" });
    assert.deepEqual(await drawn({ seed: 126, field: "id" }), first);
    const other = await drawn({ seed: 127, field: "id" });
    const byKey = await drawn({ seed: 126 });
    for (const draws of [first, other, byKey]) {
      assert.equal(draws.size, 40);
      const values = [...draws.values()];
      assert.ok(values.every((value) => value >= 0 && value <= 4.0001));
      assert.ok(new Set(values.map((value) => value.toFixed(2))).size > 25);
    }
    assert.notDeepEqual(other, first);
    // Rows with the same value of the field draw the same.
    const byBig = await drawn({ seed: 1, field: "big" });
    const groups = Map.groupBy(byBig, ([id]) => rows.find((row) => row.id === id)!.big);
    for (const members of groups.values()) {
      assert.ok(members.every(([, value]) => Math.abs(value - members[0]![1]) < 1e-4));
    }
  });

  test("boost in the searches of a hybrid one, before they are fused", async () => {
    const functions = [{ weight: 1.5, means: ({ size }: Thing) => size > 1 }];
    const sums = new Map<Thing, number>();
    for (const field of ["near", "along"] as const) {
      for (const [at, { row }] of boosted(field, DEPTH, functions, ["multiply", "multiply"]).entries()) {
        sums.set(row, Math.fround((sums.get(row) ?? 0) + Math.fround(1 / (60 + at + 1))));
      }
    }
    const wanted = inOrder(
      Array.from(sums, ([row, value]) => ({ row, score: value })),
      -1,
    );
    for (const given of [score([MORE]), score([MORE, { reranker: "rrf", k: "60" }])]) {
      const answer = await hybrid(given);
      ok(answer);
      assert.deepEqual(hitsOf(answer)[0], told(wanted.slice(0, 12)));
    }
  });

  test("ranks and weights of one list, too", async () => {
    const answer = await search("near", score([{ reranker: "weighted", weights: "[0.5]" }]));
    ok(answer);
    const best = ranked(rows, "near", QUERIES.near).slice(0, 10);
    assert.deepEqual(hitsOf(answer)[0], told(best.map(({ row, score: given }) => ({ row, score: given / 2 }))));
  });

  test("refuses what is no function, with Milvus's words", async () => {
    const refused = async (answer: Promise<SearchResults>, text: string, code = 1100): Promise<void> => {
      const { status } = await answer;
      assert.deepEqual([status!.code, status!.reason], [code, code === 1100 ? `${text}: invalid parameter` : text]);
    };
    const decay = (given: Params, input?: string) =>
      search("near", score([{ ...DECAY, function: "exp", ...given }], {}, input));
    await refused(
      decay({ function: "square" }),
      'decay: invalid function "square", must be one of [gauss, exp, linear]',
    );
    await refused(search("near", score([DECAY])), "decay function not specified");
    await refused(
      search("near", score([{ reranker: "decay", function: "exp", scale: "1" }])),
      "decay origin not specified",
    );
    await refused(
      search("near", score([{ reranker: "decay", function: "exp", origin: "1" }])),
      "decay scale not specified",
    );
    for (const name of ["origin", "scale", "offset", "decay"]) {
      await refused(decay({ [name]: "far" }), `decay param ${name}: far is not a number`);
    }
    await refused(decay({ scale: "0" }), "decay: scale must be > 0, got 0.000000");
    await refused(decay({ offset: "-1" }), "decay: offset must be >= 0, got -1.000000");
    await refused(decay({ decay: "1" }), "Decay function param: decay must 0 < decay < 1, but got 1.000000");
    await refused(
      decay({ decay: "0.9995" }),
      "decay: decay must be between 0.001000 and 0.999000 for numerical stability, got 0.999500",
    );
    await refused(decay({ score_mode: "min" }), "unsupported score_mode: min, only supports [max, sum, avg]");
    await refused(decay({}, "color"), "decay input field color must be numeric, got VarChar");
    await refused(decay({}, "none"), "input field none not found in collection schema");
    const model = (given: Params, input: string) => search("near", score([{ reranker: "model", ...given }], {}, input));
    await refused(model({}, "size"), "model input field size must be VarChar, got Int16");
    await refused(model({}, "color"), "rerank function missing required param: queries");
    await refused(model({ queries: '["a"]', provider: "me" }, "color"), "unknown rerank model provider");
    await refused(
      model({ queries: '["a"]', provider: "tei" }, "color"),
      "the reranker model is not supported: there is no service of models here",
    );
    await refused(search("near", score([{ reranker: "best" }])), "unsupported reranker best");
    const plan = "failed to create query plan: ";
    await refused(search("near", score([{ reranker: "boost" }])), `${plan}must set weight params for weight scorer`);
    await refused(
      search("near", score([{ ...MORE, weight: "heavy" }])),
      `${plan}parse function scorer weight params failed with error: {strconv.ParseFloat: parsing "heavy": invalid syntax}`,
    );
    const wrong = await search("near", score([{ ...MORE, filter: "size >" }]));
    assert.match(
      wrong.status!.reason,
      /^failed to create query plan: parse expr failed with error: \{cannot parse expression: size >, error: /,
    );
    await refused(search("near", score([MORE], { boost_mode: "max" })), `${plan}unknown boost mode: max`);
    await refused(search("near", score([MORE], { function_mode: "min" })), `${plan}unknown function mode: min`);
    const random = (text: string) => search("near", score([{ ...MORE, random_score: text }]));
    await refused(random('{"seed": "a"}'), `${plan}random seed must be number`);
    await refused(random('{"field": 5}'), `${plan}random seed field name must be string`);
    await refused(random('{"field": "size"}'), `${plan}only support int64 field as random seed, but got Int16`);
    await refused(random('{"field": "no"}'), "random seed field not found: field not found[field=no]", 1700);
    const scorer = `${plan}don't support use segment scorer with group_by or search_iterator`;
    await refused(search("near", score([MORE]), { group_by_field: "color" }), scorer);
    await refused(search("near", score([MORE]), { iterator: "True" }), scorer);
    await refused(hybrid(score([MORE]), { group_by_field: "color" }), scorer);
    await refused(
      search("near", score([MORE]), { order_by_fields: "size" }),
      "order_by and function rerank cannot be used together: they specify conflicting sort criteria",
    );
    await refused(
      search("near", score([{ ...DECAY, function: "exp" }, { reranker: "rrf" }])),
      "Currently only supports one rerank",
    );
  });
});
