/**
 * Random lives against an obvious model: a map from keys to rows. Everything goes through the wire, into several shards and partitions,
 * with flushes, releases and loads in between; reads are strong, so each must be exactly what the model says.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ConsistencyLevel } from "../wire/generated/common_pb.js";
import type { FieldData } from "../wire/generated/schema_pb.js";
import {
  KEY,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

interface Row {
  readonly place: number;
  readonly word: string;
  readonly partitionName: string;
}

type Step =
  | {
      readonly kind: "insert" | "upsert";
      readonly ids: readonly number[];
      readonly place: number;
      readonly part: number;
    }
  | { readonly kind: "delete"; readonly ids: readonly number[] }
  | { readonly kind: "deleteWhere"; readonly word: string }
  | { readonly kind: "flush" | "reload" };

const PARTITIONS = ["_default", "side"];
const WORDS = ["ash", "elm", "oak"];
const ids = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 });
const place = fc.integer({ min: 0, max: 1_000 });
const part = fc.integer({ min: 0, max: PARTITIONS.length - 1 });

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("insert" as const), ids, place, part }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("upsert" as const), ids, place, part }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), ids }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteWhere" as const), word: fc.constantFrom(...WORDS) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("flush" as const, "reload" as const) }) },
  ),
  { minLength: 5, maxLength: 25 },
);

describe("random lives", () => {
  const db = served();
  let lives = 0;

  test("are what a map says they are", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (program) => live(program)),
      { numRuns: 15 },
    );
  });

  async function live(program: readonly Step[]): Promise<void> {
    const collectionName = `life_${(lives += 1)}`;
    await create(collectionName);
    const model = new Map<number, Row>();
    for (const step of program) {
      await take(collectionName, step, model);
      await compare(collectionName, model);
    }
    ok(await db.client.call(service.dropCollection, { collectionName }));
  }

  async function create(collectionName: string): Promise<void> {
    const schema = schemaBytes({ name: collectionName, fields: [KEY, vectorField(2), textField("word", 8)] });
    const consistencyLevel = ConsistencyLevel.Strong;
    ok(await db.client.call(service.createCollection, { collectionName, schema, shardsNum: 2, consistencyLevel }));
    ok(await db.client.call(service.createPartition, { collectionName, partitionName: "side" }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await load(db.client, collectionName);
  }

  async function take(collectionName: string, step: Step, model: Map<number, Row>): Promise<void> {
    switch (step.kind) {
      case "insert":
      case "upsert": {
        // Inserts of keys that are there would make two rows of one key, which is another story.
        const wanted = step.kind === "insert" ? step.ids.filter((id) => !model.has(id)) : step.ids;
        // An upsert replaces a row of its own partition only.
        const partitionName = PARTITIONS[step.part]!;
        const keys = wanted.filter((id) => (model.get(id)?.partitionName ?? partitionName) === partitionName);
        if (keys.length === 0) return;
        const rowOf = (id: number): Row => ({
          place: step.place + id / 100,
          word: WORDS[(id + step.place) % WORDS.length]!,
          partitionName,
        });
        const fieldsData = [
          int64s("id", keys),
          vectors(keys.map((id) => [Math.fround(rowOf(id).place), 0])),
          texts(
            "word",
            keys.map((id) => rowOf(id).word),
          ),
        ];
        const request = { collectionName, partitionName, fieldsData, numRows: keys.length };
        ok(await db.client.call(step.kind === "insert" ? service.insert : service.upsert, request));
        for (const id of keys) model.set(id, rowOf(id));
        return;
      }
      case "delete": {
        const answer = await db.client.call(service.delete, { collectionName, expr: `id in [${step.ids.join(",")}]` });
        ok(answer);
        for (const id of step.ids) model.delete(id);
        return;
      }
      case "deleteWhere": {
        const gone = [...model].filter(([, row]) => row.word === step.word);
        const answer = await db.client.call(service.delete, { collectionName, expr: `word == "${step.word}"` });
        ok(answer);
        assert.equal(answer.deleteCnt, BigInt(gone.length));
        for (const [id] of gone) model.delete(id);
        return;
      }
      case "flush":
        ok(await db.client.call(service.flush, { collectionNames: [collectionName] }));
        return;
      case "reload":
        ok(await db.client.call(service.releaseCollection, { collectionName }));
        await load(db.client, collectionName);
    }
  }

  async function compare(collectionName: string, model: ReadonlyMap<number, Row>): Promise<void> {
    const expected = [...model].toSorted(([left], [right]) => left - right);
    const rows = await db.client.call(service.query, {
      collectionName,
      expr: "id >= 0",
      outputFields: ["id", "word"],
      useDefaultConsistency: true,
    });
    ok(rows);
    assert.deepEqual(
      longs(rows.fieldsData, "id"),
      expected.map(([id]) => BigInt(id)),
    );
    assert.deepEqual(
      strings(rows.fieldsData, "word"),
      expected.map(([, row]) => row.word),
    );

    const counted = await db.client.call(service.query, {
      collectionName,
      outputFields: ["count(*)"],
      useDefaultConsistency: true,
    });
    ok(counted);
    assert.deepEqual(longs(counted.fieldsData, "count(*)"), [BigInt(model.size)]);

    const middle = 500;
    const distance = (row: Row): number => Math.fround((Math.fround(row.place) - middle) ** 2);
    const nearest = expected
      .filter(([, row]) => row.word !== "elm" && row.partitionName === "side")
      .toSorted(([leftId, left], [rightId, right]) => distance(left) - distance(right) || leftId - rightId)
      .slice(0, 7);
    const found = await db.client.call(
      service.search,
      searchFor(collectionName, [[middle, 0]], { topk: "7" }, { dsl: 'word != "elm"', partitionNames: ["side"] }),
    );
    ok(found);
    assert.deepEqual(
      found.results!.ids!.idField.value!.data,
      nearest.map(([id]) => BigInt(id)),
    );
  }
});

function longs(fields: readonly FieldData[], name: string): readonly bigint[] {
  const { field } = fields.find(({ fieldName }) => fieldName === name)!;
  assert.ok(field.case === "scalars" && field.value.data.case === "longData");
  return field.value.data.value.data;
}

function strings(fields: readonly FieldData[], name: string): readonly string[] {
  const { field } = fields.find(({ fieldName }) => fieldName === name)!;
  assert.ok(field.case === "scalars" && field.value.data.case === "stringData");
  return field.value.data.value.data;
}
