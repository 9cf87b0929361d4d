/** One collection a combination in an engine: made, filled, indexed, asked. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../../src/engine/engine.ts";
import { RECALL_PROMISES, type RecallCondition } from "../../src/index/recall.ts";
import { isExact } from "../../src/index/families.ts";
import { ConsistencyLevel, DataType } from "../../src/model/types.ts";
import { declaredField } from "../../src/proxy/declared-field.ts";
import { type Combination, nameOf } from "./combinations.ts";
import { DIMENSION, questions, recallOf, vectorsOf } from "./rows.ts";

const HITS = 10;
const QUESTIONS = 20;
const FILTERS: Partial<Record<RecallCondition, number>> = { half: 500, tenth: 100, hundredth: 10, thousandth: 1 };

/** Row numbers that a collection may still return, in the order of writing. */
export interface Filled {
  readonly combination: Combination;
  readonly numbers: readonly number[];
}

function targetOf(combination: Combination): { databaseName: string; collectionName: string } {
  return { databaseName: "", collectionName: nameOf(combination) };
}

export async function create({ proxy }: Engine, combination: Combination): Promise<void> {
  const { dataType, indexType, metric } = combination;
  const target = targetOf(combination);
  await proxy.createCollection({
    ...target,
    schema: {
      name: target.collectionName,
      description: "",
      fields: [
        declaredField("id", DataType.Int64, { isPrimaryKey: true }),
        declaredField("share", DataType.Int64),
        declaredField("v", dataType, { typeParams: [{ key: "dim", value: String(DIMENSION) }] }),
      ],
      enableDynamicField: false,
      functionCount: 0,
      structs: [],
    },
    shardsNum: 1,
    consistencyLevel: ConsistencyLevel.Strong,
    properties: [],
    partitionCount: 0,
  });
  const build = Object.entries(RECALL_PROMISES[indexType]?.build ?? {}).map(([key, value]) => ({ key, value }));
  await proxy.createIndex(target, "v", "v", [
    { key: "index_type", value: indexType },
    { key: "metric_type", value: metric },
    ...build,
  ]);
}

export async function insert({ proxy }: Engine, combination: Combination, numbers: readonly number[]): Promise<void> {
  const { dataType } = combination;
  const common = { type: 0, isDynamic: false, valid: null, unsupported: false, rowCount: numbers.length };
  const integers = (values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt);
  await proxy.insert({
    ...targetOf(combination),
    partitionName: "",
    rowCount: numbers.length,
    schemaTimestamp: 0n,
    fields: [
      { ...common, fieldName: "id", column: { kind: "fixed", values: integers(numbers) } },
      { ...common, fieldName: "share", column: { kind: "fixed", values: integers(numbers.map((n) => n % 1000)) } },
      {
        ...common,
        fieldName: "v",
        column: { kind: "vector", type: dataType, dimension: DIMENSION, values: vectorsOf(dataType, numbers) },
      },
    ],
  });
}

export async function flush({ proxy }: Engine, combination: Combination): Promise<void> {
  const target = targetOf(combination);
  const [flushed] = await proxy.flush("", [target.collectionName]);
  while (!(await proxy.isFlushed(target, flushed!.flushTimestamp))) await sleep(5);
}

/** Compacts what is in files, and waits until it is done and served. */
export async function compact({ proxy }: Engine, combination: Combination): Promise<void> {
  const { compactionId } = await proxy.compact(targetOf(combination));
  for (;;) {
    const { isCompleted, failed } = await proxy.compactionProgress(compactionId);
    if (failed > 0) throw new Error(`the compaction of ${nameOf(combination)} failed`);
    if (isCompleted) return;
    await sleep(10);
  }
}

export async function load({ proxy }: Engine, combination: Combination): Promise<void> {
  const target = targetOf(combination);
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  await loaded(proxy, combination);
}

export async function loaded(proxy: Engine["proxy"], combination: Combination): Promise<void> {
  while ((await proxy.loadProgress(targetOf(combination), [])) < 100) await sleep(5);
}

/** Removes three rows of ten; returns those that are left. */
export async function deleteSome({ proxy }: Engine, { combination, numbers }: Filled): Promise<Filled> {
  await proxy.delete({
    ...targetOf(combination),
    partitionName: "",
    expression: "id % 10 == 0 or id % 10 == 3 or id % 10 == 6",
    templates: new Map(),
    consistencyLevel: ConsistencyLevel.Strong,
  });
  return { combination, numbers: numbers.filter((number) => ![0, 3, 6].includes(number % 10)) };
}

/** Resolves when every segment that is to have an index is searched through it; rejects when that cannot come. */
export async function indexed({ proxy }: Engine, combination: Combination): Promise<void> {
  const target = targetOf(combination);
  for (;;) {
    const [told] = await proxy.describeIndexes(target, "");
    const { state, reason, segments } = told!.progress;
    if (state === "Failed") throw new Error(`the index of ${target.collectionName} was not built: ${reason}`);
    const open = await proxy.loadedSegments();
    const isOpen = segments.every(({ segmentId, buildId }) =>
      open.get(segmentId)?.indexes.some((index) => index.buildId === buildId),
    );
    if (state === "Finished" && isOpen && (segments.length > 0 || isExact(combination.indexType))) return;
    await sleep(10);
  }
}

export async function measure(engine: Engine, filled: Filled, condition: RecallCondition): Promise<number> {
  const { combination, numbers } = filled;
  const { dataType, indexType, metric } = combination;
  const below = FILTERS[condition];
  const asked = questions(QUESTIONS);
  const response = await engine.proxy.search(
    {
      ...targetOf(combination),
      partitionNames: [],
      expression: below === undefined ? "" : `share < ${below}`,
      templates: new Map(),
      queries: { type: dataType, values: vectorsOf(dataType, asked), queryCount: asked.length },
      params: new Map([
        ["topk", String(HITS)],
        ["params", JSON.stringify(RECALL_PROMISES[indexType]?.search ?? {})],
      ]),
      outputFields: [],
      consistencyLevel: ConsistencyLevel.Strong,
      useDefaultConsistency: false,
      guaranteeTimestamp: 0n,
    },
    new AbortController().signal,
  );
  const keys = response.keys.kind === "fixed" ? [...response.keys.values].map(Number) : [];
  const found: number[][] = [];
  let start = 0;
  for (const count of response.counts) found.push(keys.slice(start, (start += count)));
  const allowed = below === undefined ? numbers : numbers.filter((number) => number % 1000 < below);
  return recallOf(dataType, metric, asked, allowed, HITS, found);
}
