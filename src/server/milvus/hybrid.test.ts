import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HybridSearchRequestSchema, SearchRequestSchema, SearchResults } from "../wire/generated/milvus_pb.js";
import { FunctionType } from "../wire/generated/schema_pb.js";
import { ok, params, searchFor, service } from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, createThings, hitsOf, ranked, valuesOf } from "./testing/things.ts";

interface Part {
  readonly field: "near" | "along";
  readonly queries: readonly (readonly number[])[];
  readonly topk: number;
  readonly expression?: string;
  readonly passes?: (row: Thing) => boolean;
}

const NEAR: Part = {
  field: "near",
  queries: [
    [1, 2, 0],
    [4, 0, 2],
  ],
  topk: 40,
};
const LIKE: Part = {
  field: "along",
  queries: [
    [2, 1],
    [-1, 3],
  ],
  topk: 25,
  expression: 'color != "red"',
  passes: ({ color }) => color !== null && color !== "red",
};

type Request = MessageInitShape<typeof HybridSearchRequestSchema>;

describe("hybrid search", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client);
  });

  function part({ field, queries, topk, expression = "" }: Part, more: Readonly<Record<string, string>> = {}) {
    const given = { anns_field: field, topk: String(topk), ...more };
    return searchFor(THINGS, queries, given, { dsl: expression }) as MessageInitShape<typeof SearchRequestSchema>;
  }

  function send(
    parts: readonly MessageInitShape<typeof SearchRequestSchema>[],
    rankParams: Readonly<Record<string, string>>,
    more: Partial<Request> = {},
  ): Promise<SearchResults> {
    return db.client.call(service.hybridSearch, {
      collectionName: THINGS,
      requests: [...parts],
      rankParams: params({ limit: "10", ...rankParams }),
      useDefaultConsistency: true,
      ...more,
    } as Request);
  }

  /** The lists of the parts for one query, by looking at every row. */
  function lists(parts: readonly Part[], query: number): { readonly id: number; readonly score: number }[][] {
    return parts.map(({ field, queries, topk, passes = () => true }) =>
      ranked(rows.filter(passes), field, queries[query]!)
        .slice(0, topk)
        .map(({ row, score }) => ({ id: row.id, score })),
    );
  }

  function fused(
    parts: readonly Part[],
    query: number,
    add: (score: number, rank: number, part: number) => number,
    sign: 1 | -1 = -1,
  ): { readonly id: number; readonly score: number }[] {
    const sums = new Map<number, number>();
    for (const [at, list] of lists(parts, query).entries()) {
      for (const [place, { id, score }] of list.entries()) {
        sums.set(id, Math.fround((sums.get(id) ?? 0) + Math.fround(add(score, place + 1, at))));
      }
    }
    return [...sums]
      .map(([id, score]) => ({ id, score }))
      .toSorted((left, right) => sign * (left.score - right.score) || left.id - right.id);
  }

  async function expectFused(
    answer: Promise<SearchResults>,
    parts: readonly Part[],
    add: (score: number, rank: number, part: number) => number,
    { offset = 0, limit = 10, sign = -1 as 1 | -1 } = {},
  ): Promise<void> {
    const found = await answer;
    ok(found);
    const wanted = [0, 1].map((query) => fused(parts, query, add, sign).slice(offset, offset + limit));
    assert.deepEqual(hitsOf(found), wanted);
    assert.ok(wanted.every((hits) => hits.length === limit));
  }

  const rrf =
    (k: number) =>
    (_score: number, rank: number): number =>
      1 / (k + rank);

  describe("in groups", () => {
    /** Each part gives its nearest groups; their hits are fused, and the groups ordered by what their hits score together. */
    function grouped(
      query: number,
      parts: readonly Part[],
      groupOf: (row: Thing) => unknown,
      scorer: (scores: readonly number[]) => number,
      { size, groups }: { readonly size: number; readonly groups: number },
    ): { readonly id: number; readonly score: number; readonly group: unknown }[] {
      const byId = new Map(rows.map((row) => [row.id, row]));
      const sums = new Map<number, number>();
      for (const { field: vector, queries, passes = () => true } of parts) {
        const members = new Map<string, number[]>();
        for (const { row } of ranked(rows.filter(passes), vector, queries[query]!)) {
          const name = JSON.stringify(groupOf(row));
          const own = members.get(name) ?? [];
          if (own.length === 0 && members.size === groups) continue;
          members.set(name, own);
          if (own.length < size) own.push(row.id);
        }
        for (const [place, id] of [...members.values()].flat().entries()) {
          sums.set(id, Math.fround((sums.get(id) ?? 0) + Math.fround(1 / (60 + place + 1))));
        }
      }
      const found = new Map<string, { id: number; score: number; group: unknown }[]>();
      const order = [...sums].toSorted(([leftId, left], [rightId, right]) => right - left || leftId - rightId);
      for (const [id, score] of order) {
        const group = groupOf(byId.get(id)!);
        const own = found.get(JSON.stringify(group)) ?? [];
        found.set(JSON.stringify(group), own);
        if (own.length < size) own.push({ id, score, group });
      }
      return [...found.values()]
        .toSorted((left, right) => scorer(right.map(({ score }) => score)) - scorer(left.map(({ score }) => score)))
        .slice(0, groups)
        .flat();
    }

    const SIZES = { size: 3, groups: 4 };
    const SCORERS = {
      max: (scores: readonly number[]) => Math.max(...scores),
      sum: (scores: readonly number[]) => scores.reduce((sum, score) => sum + score, 0),
      avg: (scores: readonly number[]) => scores.reduce((sum, score) => sum + score, 0) / scores.length,
    };

    for (const [name, scorer] of Object.entries(SCORERS)) {
      for (const field of ["color", "size"] as const) {
        test(`groups of ${field} by the ${name} of their hits`, async () => {
          const asked = { group_by_field: field, group_size: "3", rank_group_scorer: name, limit: "4" };
          const answer = await send([part(NEAR), part(LIKE)], asked, { outputFields: [field] });
          ok(answer);
          const wanted = [0, 1].map((query) => grouped(query, [NEAR, LIKE], (row) => row[field], scorer, SIZES));
          assert.deepEqual(
            hitsOf(answer),
            wanted.map((hits) => hits.map(({ id, score }) => ({ id, score }))),
          );
          const groups = wanted.flat().map(({ group }) => group);
          assert.deepEqual(valuesOf(answer.results!.fieldsData, field), groups);
          assert.deepEqual(valuesOf([answer.results!.groupByFieldValue!], field), groups);
        });
      }
    }

    for (const [names, groupOf] of [
      ["color,flag", ({ color, flag }: Thing) => [color, flag]],
      ['flag,more["kind"]', ({ flag, kind }: Thing) => [flag, kind]],
    ] as const) {
      test(`groups of ${names}`, async () => {
        const asked = { group_by_fields: names, json_type: "VarChar", group_size: "3", limit: "4" };
        const answer = await send([part(NEAR), part(LIKE)], asked);
        ok(answer);
        const wanted = [0, 1].map((query) => grouped(query, [NEAR, LIKE], groupOf, SCORERS.max, SIZES));
        assert.deepEqual(
          hitsOf(answer),
          wanted.map((hits) => hits.map(({ id, score }) => ({ id, score }))),
        );
        const columns = answer.results!.groupByFieldValues.map((field) => valuesOf([field], field.fieldName));
        assert.deepEqual(
          columns[0]!.map((value, at) => [value, columns[1]![at]]),
          wanted.flat().map(({ group }) => group),
        );
      });
    }

    test("are refused with a scorer or a field that is none", async () => {
      const wrong = await send([part(NEAR)], { group_by_field: "color", rank_group_scorer: "median" });
      assert.match(wrong.status!.reason, /unsupported rank_group_scorer median/);
      const none = await send([part(NEAR)], { group_by_field: "weight" });
      assert.match(none.status!.reason, /unsupported data type DOUBLE for group by operator/);
    });
  });

  test("fuses by reciprocal ranks when nothing is said", () =>
    expectFused(send([part(NEAR), part(LIKE)], {}), [NEAR, LIKE], rrf(60)));

  test("fuses by reciprocal ranks with the k of pymilvus and of the Node SDK", async () => {
    const both = [part(NEAR), part(LIKE)];
    await expectFused(send(both, { strategy: "rrf", params: '{"k": 5}' }), [NEAR, LIKE], rrf(5));
    const functions = [{ name: "r", type: FunctionType.Rerank, params: params({ reranker: "rrf", k: "5" }) }];
    await expectFused(send(both, {}, { functionScore: { functions } }), [NEAR, LIKE], rrf(5));
  });

  test("cuts pages out of the fused list", () =>
    expectFused(send([part(NEAR), part(LIKE)], { limit: "7", offset: "11" }), [NEAR, LIKE], rrf(60), {
      offset: 11,
      limit: 7,
    }));

  test("weighs scores of one direction as they are", async () => {
    const other: Part = { ...NEAR, queries: NEAR.queries.toReversed(), topk: 30 };
    const weighted = { strategy: "weighted", params: '{"weights": [0.5, 0.25]}' };
    await expectFused(
      send([part(NEAR), part(other)], weighted),
      [NEAR, other],
      (score, _rank, at) => score * (at === 0 ? 0.5 : 0.25),
      { sign: 1 },
    );
    const alike: Part = { ...LIKE, queries: LIKE.queries.toReversed() };
    await expectFused(
      send([part(LIKE), part(alike)], weighted),
      [LIKE, alike],
      (score, _rank, at) => score * (at === 0 ? 0.5 : 0.25),
    );
  });

  const ofDistance = (score: number): number => Math.fround(1 - (2 * Math.atan(score)) / Math.PI);
  const ofProduct = (score: number): number => Math.fround(0.5 + Math.atan(score) / Math.PI);

  test("turns distances round where directions are mixed", () =>
    expectFused(
      send([part(NEAR), part(LIKE)], { strategy: "weighted", params: '{"weights": [0.5, 0.75]}' }),
      [NEAR, LIKE],
      (score, _rank, at) => (at === 0 ? 0.5 * ofDistance(score) : 0.75 * score),
    ));

  test("normalizes every score when asked to, in both forms of the request", async () => {
    const add = (score: number, _rank: number, at: number): number =>
      at === 0 ? 0.5 * ofDistance(score) : 0.75 * ofProduct(score);
    const both = [part(NEAR), part(LIKE)];
    const rank = { strategy: "weighted", params: '{"weights": [0.5, 0.75], "norm_score": true}' };
    await expectFused(send(both, rank), [NEAR, LIKE], add);
    const given = params({ reranker: "weighted", weights: "[0.5, 0.75]", norm_score: "true" });
    const functions = [{ name: "w", type: FunctionType.Rerank, params: given }];
    await expectFused(send(both, {}, { functionScore: { functions } }), [NEAR, LIKE], add);
  });

  test("fetches fields of the winners and rounds scores at the end", async () => {
    const found = await send([part(NEAR), part(LIKE)], { round_decimal: "3" }, { outputFields: ["color", "kind"] });
    ok(found);
    const wanted = [0, 1].flatMap((query) => fused([NEAR, LIKE], query, rrf(60)).slice(0, 10));
    assert.deepEqual(
      hitsOf(found).flat(),
      wanted.map(({ id, score }) => ({ id, score: Math.fround(Math.floor(score * 1000 + 0.5) / 1000) })),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    assert.deepEqual(
      valuesOf(found.results!.fieldsData, "color"),
      wanted.map(({ id }) => byId.get(id)!.color),
    );
    assert.deepEqual(
      valuesOf(found.results!.fieldsData, "$meta").map((bytes) => Buffer.from(bytes as Uint8Array).toString()),
      wanted.map(({ id }) => JSON.stringify({ kind: byId.get(id)!.kind })),
    );
  });

  test("a part without a limit looks as far as the whole, and its offset means nothing", async () => {
    const free = part(NEAR, { topk: "", offset: "3" });
    await expectFused(send([free, part(LIKE)], { limit: "6", offset: "2" }), [{ ...NEAR, topk: 8 }, LIKE], rrf(60), {
      offset: 2,
      limit: 6,
    });
  });

  test("tells what each part did, where a part or the whole asks for it", async () => {
    interface Told {
      readonly searches: readonly { readonly filter: string; readonly exactScores: number }[];
      readonly segments: readonly unknown[];
      readonly estimatedRecall: number;
      readonly k: number;
    }
    const told = (answer: SearchResults): Told => JSON.parse(answer.status!.extraInfo["explain"]!) as Told;
    const groups: Readonly<Record<string, string>> = { group_by_field: "color", group_size: "2" };
    for (const more of [{}, groups]) {
      const whole = await send([part(NEAR), part(LIKE)], { ...more, explain: "True" });
      ok(whole);
      assert.deepEqual(
        told(whole).searches.map(({ filter }) => filter),
        ["", LIKE.expression],
      );
      assert.ok(told(whole).searches.every(({ exactScores }) => exactScores > 0));
      assert.equal(told(whole).estimatedRecall, 1);
      assert.deepEqual([...whole.results!.recalls], [1, 1]);
      const one = await send([part(NEAR), part(LIKE, { params: '{"explain": true}' })], more);
      assert.deepEqual(
        told(one).searches.map(({ filter }) => filter),
        [LIKE.expression],
      );
      assert.deepEqual(hitsOf(one), hitsOf(whole));
    }
  });

  test("one part alone keeps its order", async () => {
    const found = await send([part(NEAR)], { limit: "40" });
    ok(found);
    assert.deepEqual(
      hitsOf(found).map((hits) => hits.map(({ id }) => id)),
      [0, 1].map((query) => lists([NEAR], query)[0]!.map(({ id }) => id)),
    );
  });

  test("parts whose filters leave nothing add nothing", async () => {
    const none = part({ ...LIKE, expression: "size > 100" });
    await expectFused(send([part(NEAR), none], {}), [NEAR], rrf(60));
    const found = await send([none, none], {}, { outputFields: ["*"] });
    ok(found);
    assert.deepEqual(hitsOf(found), [[], []]);
  });

  test("refuses what does not fit", async () => {
    const both = [part(NEAR), part(LIKE)];
    const refused = async (answer: Promise<SearchResults>, text: string | RegExp, code = 1100): Promise<void> => {
      const { status } = await answer;
      assert.equal(status!.code, code, status!.reason);
      if (typeof text === "string") assert.equal(status!.reason, text);
      else assert.match(status!.reason, text);
    };
    const invalid = ": invalid parameter";
    await refused(
      send(
        Array.from({ length: 1025 }, () => part(NEAR)),
        {},
      ),
      `maximum of ann search requests is 1024${invalid}`,
    );
    await refused(
      send([part(NEAR), part({ ...LIKE, queries: [[1, 2]] })], {}),
      `sub search request nq should be the same${invalid}[expected=2][actual=1]`,
    );
    await refused(send(both, { strategy: "best", params: "{}" }), `unsupported rank type best${invalid}`);
    await refused(send(both, { strategy: "rrf" }), `params not found in rank_params${invalid}`);
    await refused(
      send(both, { strategy: "rrf", params: "{" }),
      /^Parse rerank params failed, err: .*: invalid parameter$/,
    );
    for (const k of ["0", "-1", "16384"]) {
      const text = `The rank params k should be in range (0, 16384)${invalid}`;
      await refused(send(both, { strategy: "rrf", params: `{"k": ${k}}` }), text);
    }
    await refused(
      send(both, { strategy: "rrf", params: '{"k": "5"}' }),
      `The type of rank param k should be float${invalid}`,
    );
    const weighted = (text: string): Promise<SearchResults> => send(both, { strategy: "weighted", params: text });
    await refused(weighted("{}"), `weights not found in rank_params${invalid}`);
    await refused(weighted('{"weights": 1}'), `The weights param should be an array${invalid}`);
    await refused(weighted('{"weights": [0.5, 1.5]}'), `rank param weight should be in range [0, 1]${invalid}`);
    await refused(
      weighted('{"weights": [0.5, 0.5, 0.5]}'),
      `the length of weights param mismatch with ann search requests${invalid}[expected=2][actual=3]`,
    );
    const scored = (given: Readonly<Record<string, string>>): Promise<SearchResults> =>
      send(both, {}, { functionScore: { functions: [{ type: FunctionType.Rerank, params: params(given) }] } });
    await refused(scored({ reranker: "best" }), `unsupported reranker best${invalid}`);
    await refused(scored({}), `reranker name not specified${invalid}`);
    const window = "invalid max query result window";
    await refused(send(both, { limit: "" }), `limit not found in rank_params${invalid}`);
    await refused(send(both, { limit: "0" }), `${window}, limit [0] is invalid, should be greater than 0${invalid}`);
    await refused(send(both, { offset: "-1" }), `${window}, offset [-1] is invalid, should be gte than 0${invalid}`);
    await refused(
      send(both, { offset: "16380" }),
      `${window}, (offset+limit) should be in range [1, 16384], but got 16390${invalid}`,
    );
    await refused(
      send(both, { round_decimal: "7" }),
      `round_decimal [7] is invalid, should be -1 or an integer in range [0, 6]${invalid}`,
    );
    await refused(send(both, { order_by_fields: "size" }), `order_by is not supported for hybrid search${invalid}`);
    await refused(
      send([part(NEAR, { anns_field: "none" })], {}),
      `failed to get field schema by name: fieldName(none) not found${invalid}`,
    );
    await refused(
      send([part(NEAR, { metric_type: "IP" })], {}),
      "metric type not match: invalid parameter[expected=L2][actual=IP]",
    );
    await refused(
      send(both, {}, { outputFields: ["a", "*"], partitionNames: ["p"] }),
      /^partition name p not found/,
      200,
    );
  });
});
