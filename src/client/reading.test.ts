/** Ways of reading beyond a search and a query: walks, hybrid searches, groups, orders; and changes of a collection that is there. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Elanus, connect } from "./connect.ts";

const ROWS = 250;

interface Doc {
  readonly id: number;
  readonly near: readonly number[];
  readonly far: readonly number[];
  readonly year: number;
  readonly kind: string;
}

function doc(id: number): Doc {
  return {
    id,
    near: [id % 50, id % 7],
    far: [(id * 31) % 97, id % 3],
    year: 1900 + ((id * 7) % 40),
    kind: `k${id % 5}`,
  };
}

const DOCS = Array.from({ length: ROWS }, (_, id) => doc(id));

function distance(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, at) => sum + (value - right[at]!) ** 2, 0);
}

function nearest(query: readonly number[], field: "near" | "far", docs: readonly Doc[] = DOCS): Doc[] {
  return docs.toSorted(
    (left, right) => distance(left[field], query) - distance(right[field], query) || left.id - right.id,
  );
}

describe("an embedded database", () => {
  let path: string;
  let db: Elanus;

  before(async () => {
    path = await mkdtemp(join(tmpdir(), "elanus-reading-"));
    db = await connect(path);
    await db.createCollection({
      name: "docs",
      fields: [
        { name: "id", type: "Int64", primaryKey: true },
        { name: "near", type: "FloatVector", dimension: 2 },
        { name: "far", type: "FloatVector", dimension: 2 },
        { name: "year", type: "Int32" },
        { name: "kind", type: "VarChar", maxLength: 8 },
      ],
      indexes: [
        { field: "near", indexType: "FLAT", metricType: "L2" },
        { field: "far", indexType: "FLAT", metricType: "L2" },
      ],
    });
    await db.insert("docs", DOCS.slice(0, 150));
    await db.flush("docs");
    await db.insert("docs", DOCS.slice(150));
  });

  after(async () => {
    await db.close();
    await rm(path, { recursive: true, force: true });
  });

  test("is walked through row by row, as of the beginning", async () => {
    const seen: number[] = [];
    const pages: number[] = [];
    for await (const rows of db.iterate<Doc>("docs", {
      filter: "year >= {least}",
      filterParams: { least: 1910 },
      batchSize: 40,
    })) {
      if (pages.length === 1) {
        await db.upsert("docs", [{ ...doc(249), year: 1 }]);
        await db.insert("docs", [{ ...doc(1000), year: 1939 }]);
      }
      pages.push(rows.length);
      seen.push(...rows.map(({ id }) => id));
    }
    assert.deepEqual(
      seen,
      DOCS.filter(({ year }) => year >= 1910).map(({ id }) => id),
    );
    assert.ok(pages.slice(0, -1).every((length) => length === 40));
    await db.delete("docs", { ids: [1000] });
    await db.upsert("docs", [doc(249)]);
    await assert.rejects(db.iterate("docs", { batchSize: 0 }).next(), /batchSize is a whole number from 1 to 16384/);
  });

  test("is walked through from the nearest row on", async () => {
    const query = [20, 3];
    const seen: number[] = [];
    for await (const hits of db.searchIterate("docs", { vector: query, field: "near", batchSize: 30, limit: 200 })) {
      seen.push(...hits.map(({ id }) => Number(id)));
    }
    const whole = await db.search("docs", { vector: query, field: "near", limit: 200 });
    assert.equal(seen.length, 200);
    assert.deepEqual(new Set(seen).size, 200, "each row once");
    const scores = new Map(DOCS.map(({ id, near }) => [id, distance(near, query)]));
    assert.deepEqual(
      seen.map((id) => scores.get(id)),
      whole.map(({ score }) => score),
    );
  });

  test("a walk sees nothing of what the program writes on the way", async () => {
    const fields = [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "at", type: "FloatVector", dimension: 2 },
    ] as const;
    await db.createCollection({ name: "walked", fields, metricType: "L2" });
    const ids = Array.from({ length: 400 }, (_, id) => id);
    const change = async (): Promise<void> => {
      await db.upsert(
        "walked",
        ids.slice(100, 200).map((id) => ({ id, at: [-1, 0] })),
      );
      await db.delete("walked", { ids: ids.slice(300) });
      await db.insert("walked", [{ id: 1_000, at: [150, 0] }]);
    };
    for (const walk of [
      () => db.searchIterate("walked", { vector: [0, 0], batchSize: 50 }),
      () => db.iterate("walked", { batchSize: 50 }),
    ]) {
      await db.truncateCollection("walked");
      await db.insert(
        "walked",
        ids.map((id) => ({ id, at: [id, 0] })),
      );
      const seen: number[] = [];
      for await (const page of walk()) {
        if (seen.length === 0) await change();
        seen.push(...page.map(({ id }) => Number(id)));
      }
      assert.deepEqual(seen, ids);
    }
    await db.dropCollection("walked");
  });

  test("fuses searches of several fields", async () => {
    const [near, far] = [
      [20, 3],
      [40, 1],
    ];
    const lists = [
      nearest(near!, "near").slice(0, 30),
      nearest(
        far!,
        "far",
        DOCS.filter(({ year }) => year > 1905),
      ).slice(0, 30),
    ];
    const scores = new Map<number, number>();
    for (const list of lists) {
      for (const [rank, { id }] of list.entries()) scores.set(id, (scores.get(id) ?? 0) + 1 / (60 + rank + 1));
    }
    const expected = [...scores]
      .toSorted(([leftId, left], [rightId, right]) => right - left || leftId - rightId)
      .slice(0, 10);
    const hits = await db.hybridSearch("docs", {
      searches: [
        { field: "near", vector: near!, limit: 30 },
        { field: "far", vector: far!, limit: 30, filter: "year > 1905" },
      ],
      outputFields: ["kind"],
    });
    for (const [at, hit] of hits.entries()) assert.ok(Math.abs(hit.score - expected[at]![1]) < 1e-6);
    assert.deepEqual(
      hits.map(({ kind }) => kind),
      hits.map(({ id }) => `k${Number(id) % 5}`),
    );
    const weighted = await db.hybridSearch("docs", {
      searches: [
        { field: "near", vector: near!, limit: 50 },
        { field: "far", vector: far!, limit: 50 },
      ],
      rerank: { strategy: "weighted", weights: [1, 0] },
      limit: 3,
    });
    assert.equal(weighted.length, 3);
    await assert.rejects(db.hybridSearch("docs", { searches: [] }), /at least one search/);
  });

  test("tells what searches in groups and hybrid ones did", async () => {
    const near = { field: "near", vector: [20, 3] };
    const plain = await db.search("docs", { ...near, limit: 3, groupBy: "kind", groupSize: 4 });
    const grouped = await db.search("docs", { ...near, limit: 3, groupBy: "kind", groupSize: 4, explain: true });
    assert.deepEqual(grouped.hits, plain);
    assert.ok(grouped.explanation.questions >= 1 && grouped.explanation.segments.length >= 1);
    const { hits, explanation } = await db.hybridSearch("docs", {
      searches: [near, { ...near, filter: "id < 100" }],
      explain: true,
    });
    assert.equal(hits.length, 10);
    assert.deepEqual(
      explanation.searches.map(({ filter, estimatedRecall }) => [filter, estimatedRecall]),
      [
        ["", 1],
        ["id < 100", 1],
      ],
    );
    assert.equal(
      explanation.exactScores,
      explanation.searches.reduce((sum, { exactScores }) => sum + exactScores, 0),
    );
  });

  test("ranks by a number, and weighs some rows", async () => {
    const asked = { vector: [20, 3], field: "near", limit: 30, outputFields: ["year"] };
    const plain = await db.search<Doc>("docs", asked);
    const rerank = { strategy: "decay", field: "year", function: "exp", origin: 2000, scale: 5 } as const;
    const decayed = await db.search<Doc>("docs", { ...asked, rerank });
    assert.deepEqual(
      decayed.map(({ id }) => id).toSorted((left, right) => Number(left) - Number(right)),
      plain.map(({ id }) => id).toSorted((left, right) => Number(left) - Number(right)),
    );
    const before = new Map(plain.map(({ id, score }) => [id, score]));
    for (const { id, score, year } of decayed) {
      const turned = 1 - (2 * Math.atan(before.get(id)!)) / Math.PI;
      assert.ok(Math.abs(score - turned * 0.5 ** (Math.abs(year - 2000) / 5)) < 1e-5);
    }
    const boosted = await db.search<Doc>("docs", { ...asked, boosts: [{ filter: "id < 100", weight: 2 }] });
    for (const { id, score } of boosted) assert.equal(score, before.get(id)! * ((id as number) < 100 ? 2 : 1));
    const searches = [{ field: "near", vector: [20, 3] }];
    const [first] = await db.hybridSearch<Doc>("docs", { searches, rerank, limit: 30 });
    assert.equal(first!.id, decayed[0]!.id);
    const fused = await db.hybridSearch<Doc>("docs", {
      searches,
      boosts: [{ weight: 3 }],
      rerank: { strategy: "rrf", k: 1 },
    });
    assert.equal(fused[0]!.score, 0.5);
  });

  test("answers in buckets of buckets", async () => {
    const buckets = await db.searchBuckets("docs", {
      vector: [20, 3],
      field: "near",
      filter: "id < 100",
      outputFields: ["year"],
      aggregation: {
        fields: ["kind"],
        size: 3,
        metrics: { all: { count: "*" }, newest: { max: "year" } },
        order: [{ _key: "desc" }],
        sub: { fields: ["year"], size: 2, topHits: { size: 4 } },
      },
    });
    assert.equal(buckets.length, 3);
    assert.deepEqual(
      buckets.map(({ key }) => key["kind"]),
      buckets
        .map(({ key }) => String(key["kind"]))
        .toSorted()
        .toReversed(),
    );
    for (const { count, metrics, buckets: years } of buckets) {
      assert.equal(count, metrics["all"]);
      assert.ok(years.length > 0 && years.length <= 2);
      for (const { key, hits } of years) {
        assert.ok(hits.length > 0 && Number(metrics["newest"]) >= Number(key["year"]));
        for (const { id, fields } of hits) {
          assert.equal(fields["year"], key["year"]);
          assert.equal(DOCS[id as number]!.year, key["year"]);
        }
      }
    }
    await assert.rejects(
      db.searchBuckets("docs", { vector: [20, 3], field: "near", aggregation: { fields: ["no"], size: 1 } }),
      /field "no" not found|not yet supported with search_aggregation/,
    );
  });

  test("answers in groups, and in another order", async () => {
    const query = [20, 3];
    const groups = await db.search<Doc>("docs", {
      vector: query,
      field: "near",
      groupBy: "kind",
      limit: 5,
      outputFields: ["kind"],
    });
    assert.deepEqual(groups.map(({ kind }) => kind).toSorted(), ["k0", "k1", "k2", "k3", "k4"]);
    const finer = await db.search<Doc>("docs", {
      vector: query,
      field: "near",
      groupBy: ["kind", "year"],
      groupSize: 2,
      limit: 7,
      outputFields: ["kind", "year"],
    });
    const sizes = Map.groupBy(finer, ({ kind, year }) => `${kind} ${year}`);
    assert.equal(sizes.size, 7);
    assert.ok([...sizes.values()].every((hits) => hits.length <= 2));
    const rows = await db.query<Doc>("docs", {
      filter: "id < 20",
      orderBy: ["year:desc", "id:asc"],
      limit: 20,
      outputFields: ["year"],
    });
    assert.deepEqual(
      rows.map(({ id }) => id),
      DOCS.slice(0, 20)
        .toSorted((left, right) => right.year - left.year || left.id - right.id)
        .map(({ id }) => id),
    );
    const ordered = await db.search<Doc>("docs", {
      vector: query,
      field: "near",
      limit: 8,
      orderBy: ["year:asc"],
      outputFields: ["year"],
    });
    const years = ordered.map(({ year }) => year);
    assert.deepEqual(
      years,
      years.toSorted((left, right) => left - right),
    );
  });

  test("takes new fields and properties, and is emptied", async () => {
    await db.addField("docs", { name: "note", type: "VarChar", maxLength: 20, nullable: true });
    await db.insert("docs", [{ ...doc(500), note: "later" }]);
    assert.deepEqual(await db.query("docs", { ids: [3, 500], outputFields: ["note"] }), [
      { id: 3, note: null },
      { id: 500, note: "later" },
    ]);
    await assert.rejects(db.addField("docs", { name: "bad", type: "Int64" }), /nullable/);
    await db.dropField("docs", "note");
    await assert.rejects(db.query("docs", { ids: [3], outputFields: ["note"] }), /field note not exist/);
    await db.addField("docs", { name: "note", type: "Int64", nullable: true });
    assert.deepEqual(await db.query("docs", { ids: [500], outputFields: ["note"] }), [{ id: 500, note: null }]);
    await db.alterCollection("docs", { "collection.ttl.seconds": 3600 });
    await db.alterCollection("docs", { "collection.ttl.seconds": null });
    await db.truncateCollection("docs");
    assert.equal(await db.count("docs"), 0);
    await db.insert(
      "docs",
      [doc(1)].map((row) => ({ ...row, note: null })),
    );
    assert.equal(await db.count("docs"), 1);
  });
});
