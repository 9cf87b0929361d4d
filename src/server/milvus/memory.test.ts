/**
 * Where what is loaded lies: indexes read or mapped by property and room, packed lists of sparse rows, loads refused for want of memory, and all of
 * it given back by a release.
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { MilvusError } from "../../base/errors.ts";
import type { IndexKernel } from "../../kernel/index-kernel.ts";
import { indexesOf, loadKernel } from "../../kernel/load.ts";
import type { KeyValue } from "../../model/schema.ts";
import { sparseColumn, sparseEntry } from "../../model/sparse.ts";
import { ConsistencyLevel, DataType } from "../../model/types.ts";
import { declaredField } from "../../proxy/declared-field.ts";
import type { Proxy } from "../../proxy/proxy.ts";
import { until } from "./testing/messages.ts";
import { type Running, startServer } from "./testing/server.ts";

const ROWS = 1_500;
const DIMENSION = 16;
const TERMS = 400;
const target = { databaseName: "", collectionName: "held" };
const said = (properties: Readonly<Record<string, string>>): KeyValue[] =>
  Object.entries(properties).map(([key, value]) => ({ key, value }));
const MMAP = (value: boolean): KeyValue[] => said({ "mmap.enabled": String(value) });

/** Files of indexes that the system says are mapped by this process. */
const mappedIndexFiles = (): number =>
  readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => line.includes("/index_files/")).length;

/** What the process is said to hold of 1,000,000,000 bytes. */
const memory = { totalBytes: 1e9, used: 0, usedBytes: () => memory.used };
const ROOMY = 0;
const FULL = 0.9 * 1e9 + 1;
/** There is room for rows and columns, and for no index. */
const TIGHT = 0.9 * 1e9 - 400_000;

const kernel = indexesOf(loadKernel());
if (kernel !== null) withNative(kernel);

function withNative(indexes: IndexKernel): void {
  const held = (): number => indexes.memoryUsed().indexBytes;
  const mapped = (): number => indexes.memoryUsed().mappedBytes;

  describe("memory of what is loaded", () => {
    test("an index is read while there is room and mapped where there is none, and given back", () =>
      inServer(async (server) => {
        const { proxy } = server;
        await fill(server, "HNSW", { M: "16" });
        memory.used = ROOMY;
        await load(server);
        assert.ok(held() > ROWS * DIMENSION);
        assert.equal(mapped(), 0);
        const found = await denseHits(proxy);
        await release(proxy);
        await until(async () => held() + mapped() === 0);

        memory.used = TIGHT;
        await load(server);
        assert.ok(mapped() > ROWS * DIMENSION, "what nothing was said about is mapped");
        assert.ok(held() < ROWS, "no codes and no lists are in memory");
        assert.deepEqual(await denseHits(proxy), found);
        await release(proxy);
        await until(async () => held() + mapped() === 0);

        await proxy.alterIndex(target, "v", MMAP(false), []);
        await refusedLoad(proxy);
        memory.used = ROOMY;
        await load(server);
        assert.equal(mapped(), 0);
        await release(proxy);

        assert.equal(mappedIndexFiles(), 0);

        await proxy.alterIndex(target, "v", MMAP(true), []);
        await load(server);
        assert.ok(mapped() > ROWS * DIMENSION);
        assert.ok(mappedIndexFiles() > 0, "and the system says so, too");
        assert.deepEqual(await denseHits(proxy), found);
        await release(proxy);

        await proxy.alterIndex(target, "v", [], ["mmap.enabled"]);
        await proxy.alterCollection(target, MMAP(true), []);
        await load(server);
        assert.ok(mapped() > ROWS * DIMENSION, "the property of the collection holds for its indexes");
        assert.deepEqual(await denseHits(proxy), found);
        await release(proxy);
        await until(async () => held() + mapped() === 0);
      }));

    test("DISKANN keeps rows in memory as far as its budget goes, and none where there is no room", () =>
      inServer(async (server) => {
        const { proxy } = server;
        const raw = ROWS * DIMENSION * 4;
        memory.used = ROOMY;
        await fill(server, "DISKANN", { max_degree: "16", search_cache_budget_gb: "1" });
        await load(server);
        const [withRows, found] = [held(), await denseHits(proxy)];
        await release(proxy);
        await until(async () => held() + mapped() === 0);

        // Never more than the rows take, with four bytes for each of them.
        const kept = Math.floor((raw - 4 * ROWS) / (DIMENSION * 4)) * DIMENSION * 4 + 4 * ROWS;
        memory.used = FULL - 50_000;
        await load(server);
        assert.equal(held(), 0, "there is no room: the file is mapped, and no row is kept");
        // What is mapped is what was read, but for the ends of six sections' pages.
        const others = withRows - kept;
        assert.ok(Math.abs(mapped() - others) <= 6 * 4096, `${mapped()} mapped, ${others} read`);
        assert.deepEqual(await denseHits(proxy), found);
        await release(proxy);
        await until(async () => held() + mapped() === 0);
      }));

    test("sparse rows are searched through packed lists, with the hits of lists that grow, in less memory", () =>
      inServer(async (server) => {
        const { proxy } = server;
        memory.used = ROOMY;
        await proxy.createCollection(declaration("s"));
        await insert(proxy, 0, ROWS);
        await flush(proxy);
        await declareIndexes(proxy, "SPARSE_INVERTED_INDEX", { inverted_index_algo: "DAAT_WAND" });
        await load(server);
        const before = await sparseHits(proxy, {});
        assert.ok(before.keys.length > 0);
        await release(proxy);
        for (const mode of [false, true]) {
          await proxy.alterIndex(target, "s", MMAP(mode), []);
          await load(server);
          const [segment] = [...(await proxy.loadedSegments()).values()];
          assert.equal(segment!.indexes.length, 1);
          assert.equal(mapped() > 0, mode);
          assert.equal(held() > 0, !mode);
          assert.deepEqual(await sparseHits(proxy, {}), before);
          assert.deepEqual(await sparseHits(proxy, { dim_max_score_ratio: 1.3 }), before);
          const few = await sparseHits(proxy, {}, `id < 20`);
          assert.ok(few.keys.length > 0 && few.keys.every((key) => key < 20n));
          await release(proxy);
          await until(async () => held() + mapped() === 0);
        }
      }));

    test("where the file of packed lists is damaged, rows are scored one by one until it is built again", () =>
      inServer(async (server) => {
        const { proxy, objects } = server;
        await proxy.createCollection(declaration("s"));
        await insert(proxy, 0, ROWS);
        await flush(proxy);
        await declareIndexes(proxy, "SPARSE_WAND", {});
        await load(server);
        const before = await sparseHits(proxy, {});
        await release(proxy);
        const [file] = await objects.list("index_files/");
        const path = objects.localPath(file!.key)!;
        const bytes = readFileSync(path);
        bytes[5_000]! ^= 1;
        writeFileSync(path, bytes);
        await load(server);
        assert.deepEqual(await sparseHits(proxy, {}), before);
        await until(async () =>
          [...(await proxy.loadedSegments()).values()].every(({ indexes: all }) => all.length === 1),
        );
        const mended = await objects.list("index_files/");
        assert.ok(mended.every(({ key }) => key !== file!.key));
        assert.deepEqual(await sparseHits(proxy, {}), before);
        assert.ok(server.lines.some((line) => line.includes("is damaged")));
      }));

    test("a load that would take too much is refused in Milvus's words, and comes when there is room", () =>
      inServer(async (server) => {
        const { proxy } = server;
        await fill(server, "HNSW", {});
        memory.used = FULL;
        await refusedLoad(proxy);
        await until(async () => held() + mapped() === 0);
        memory.used = ROOMY;
        await load(server);
        assert.equal((await denseHits(proxy)).length, 10);
      }));
  });
}

async function inServer(work: (server: Running) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "elanus-memory-"));
  memory.used = ROOMY;
  const server = await startServer({}, 0, { directory, isNative: true, memory });
  try {
    await work(server);
  } finally {
    await server.close();
    rmSync(directory, { recursive: true });
  }
}

type Declaration = Parameters<Proxy["createCollection"]>[0];

function declaration(vector: "v" | "s"): Declaration {
  const dense = declaredField("v", DataType.FloatVector, { typeParams: said({ dim: String(DIMENSION) }) });
  const sparse = declaredField("s", DataType.SparseFloatVector);
  return {
    ...target,
    schema: {
      name: target.collectionName,
      description: "",
      fields: [declaredField("id", DataType.Int64, { isPrimaryKey: true }), vector === "v" ? dense : sparse],
      enableDynamicField: false,
      functionCount: 0,
      structs: [],
    },
    shardsNum: 1,
    consistencyLevel: ConsistencyLevel.Strong,
    properties: [],
    partitionCount: 0,
  };
}

async function fill(server: Running, indexType: string, build: Readonly<Record<string, string>>): Promise<void> {
  await server.proxy.createCollection(declaration("v"));
  await insertDense(server.proxy, 0, ROWS);
  await flush(server.proxy);
  await server.proxy.createIndex(target, "v", "v", said({ index_type: indexType, metric_type: "L2", ...build }));
  await built(server.proxy);
}

async function declareIndexes(proxy: Proxy, indexType: string, build: Readonly<Record<string, string>>): Promise<void> {
  await proxy.createIndex(target, "s", "s", said({ index_type: indexType, metric_type: "IP", ...build }));
  await built(proxy);
}

async function built(proxy: Proxy): Promise<void> {
  await until(async () => {
    const [told] = await proxy.describeIndexes(target, "");
    assert.notEqual(told!.progress.state, "Failed", told!.progress.reason);
    return told!.progress.state === "Finished" && told!.progress.segments.length > 0;
  });
}

async function load({ proxy }: Running): Promise<void> {
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  await until(async () => (await proxy.loadProgress(target, [])) === 100);
}

async function release(proxy: Proxy): Promise<void> {
  await proxy.releaseCollection(target, null);
}

async function refusedLoad(proxy: Proxy): Promise<void> {
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  await assert.rejects(
    until(async () => (await proxy.loadProgress(target, [])) === 100),
    (error) => {
      assert.ok(error instanceof MilvusError);
      assert.equal(error.code, 3);
      assert.match(
        error.message,
        /^load segment failed, OOM if load, maxSegmentSize = .+ MB, memUsage = .+ MB, predictMemUsage = .+ MB, totalMem = .+ MB thresholdFactor = 0.900000: memory limit exceeded\[/,
      );
      return true;
    },
  );
  await release(proxy);
}

async function flush(proxy: Proxy): Promise<void> {
  const [flushed] = await proxy.flush("", [target.collectionName]);
  await until(() => proxy.isFlushed(target, flushed!.flushTimestamp));
}

const COMMON = { type: 0, isDynamic: false, valid: null, unsupported: false } as const;

async function insertDense(proxy: Proxy, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, at) => from + at);
  const values = Float32Array.from(numbers.flatMap(vectorOf));
  await insertColumn(proxy, numbers, {
    fieldName: "v",
    column: { kind: "vector", type: DataType.FloatVector, dimension: DIMENSION, values },
  });
}

async function insert(proxy: Proxy, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, at) => from + at);
  const { offsets, bytes } = sparseColumn(numbers.map(entryOf));
  await insertColumn(proxy, numbers, { fieldName: "s", column: { kind: "sparse", offsets, bytes } });
}

type InsertField = Parameters<Proxy["insert"]>[0]["fields"][number];

async function insertColumn(
  proxy: Proxy,
  numbers: readonly number[],
  given: Pick<InsertField, "fieldName"> & { readonly column: unknown },
): Promise<void> {
  const rowCount = numbers.length;
  const ids = {
    ...COMMON,
    rowCount,
    fieldName: "id",
    column: { kind: "fixed", values: BigInt64Array.from(numbers, BigInt) },
  };
  await proxy.insert({
    ...target,
    partitionName: "",
    rowCount,
    schemaTimestamp: 0n,
    fields: [ids, { ...COMMON, rowCount, ...given }] as InsertField[],
  });
}

function vectorOf(id: number): number[] {
  return Array.from(
    { length: DIMENSION },
    (_, at) => Math.sin((id % 40) * (at + 1)) * 2 + ((id * 31 + at * 17) % 97) / 97,
  );
}

/** Few frequent terms, many rare ones. */
function entryOf(id: number): Uint8Array {
  const indices = new Set(
    Array.from({ length: 12 }, (_, at) => Math.floor(TERMS ** (((id * 37 + at * 101) % 211) / 211))),
  );
  const sorted = [...indices].toSorted((left, right) => left - right);
  return sparseEntry(
    sorted,
    sorted.map((index) => 1 + ((index * 7 + id) % 13)),
  );
}

async function denseHits(proxy: Proxy): Promise<bigint[]> {
  const { keys } = await searched(
    proxy,
    { type: DataType.FloatVector, values: Float32Array.from(vectorOf(7_777)), queryCount: 1 },
    {},
    "",
  );
  return keys;
}

function sparseHits(
  proxy: Proxy,
  search: Readonly<Record<string, unknown>>,
  expression = "",
): Promise<{ readonly keys: bigint[]; readonly scores: number[] }> {
  const queries = sparseColumn([9_000, 9_001, 9_002].map(entryOf));
  return searched(proxy, { type: DataType.SparseFloatVector, values: queries, queryCount: 3 }, search, expression);
}

async function searched(
  proxy: Proxy,
  queries: unknown,
  search: Readonly<Record<string, unknown>>,
  expression: string,
): Promise<{ readonly keys: bigint[]; readonly scores: number[] }> {
  const answer = await proxy.search(
    {
      ...target,
      partitionNames: [],
      expression,
      templates: new Map(),
      queries,
      params: new Map([
        ["topk", "10"],
        ["params", JSON.stringify(search)],
      ]),
      outputFields: [],
      consistencyLevel: ConsistencyLevel.Strong,
      useDefaultConsistency: false,
      guaranteeTimestamp: 0n,
    } as Parameters<Proxy["search"]>[0],
    new AbortController().signal,
  );
  assert.ok(answer.keys.kind === "fixed");
  return { keys: [...(answer.keys.values as BigInt64Array)], scores: [...answer.scores] };
}
