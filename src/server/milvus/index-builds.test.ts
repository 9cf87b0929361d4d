/**
 * Indexes through the wire: built after a flush, told truthfully, adopted by what is loaded, mended when a file is damaged, gone when they
 * are dropped. Where there is no native kernel nothing can be built, and that is what is told.
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type IndexKernel } from "../../kernel/index-kernel.ts";
import { indexesOf, loadKernel } from "../../kernel/load.ts";
import { ConsistencyLevel, IndexState } from "../wire/generated/common_pb.js";
import type { IndexDescription } from "../wire/generated/milvus_pb.js";
import {
  KEY,
  flush,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  until,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

/** So many that a walk over a few thousand rows is cheaper than a look at all their codes. */
const DIMENSION = 128;
const HNSW = { index_type: "HNSW", metric_type: "L2", M: "12", efConstruction: "80" };
const collectionName = "indexed";

/** The same for an id every time; 40 clusters. */
function vectorOf(id: number): number[] {
  let state = (id * 2654435761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Array.from({ length: DIMENSION }, (_, at) => Math.sin((id % 40) * (at + 1)) * 2 + next());
}

async function create(client: TestClient): Promise<void> {
  const schema = schemaBytes({ name: collectionName, fields: [KEY, vectorField(DIMENSION)] });
  ok(
    await client.call(service.createCollection, { collectionName, schema, consistencyLevel: ConsistencyLevel.Strong }),
  );
}

async function insert(client: TestClient, from: number, to: number): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, at) => from + at);
  const fieldsData = [int64s("id", ids), vectors(ids.map(vectorOf))];
  ok(await client.call(service.insert, { collectionName, fieldsData, numRows: ids.length }));
}

async function createIndex(client: TestClient, given: Readonly<Record<string, string>>): Promise<void> {
  ok(await client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams: params(given) }));
}

async function described(client: TestClient): Promise<IndexDescription> {
  const answer = await client.call(service.describeIndex, { collectionName });
  ok(answer);
  return answer.indexDescriptions[0]!;
}

/** The description once nothing is pending any more, or nothing will be done. */
async function settled(client: TestClient): Promise<IndexDescription> {
  let told = await described(client);
  await until(async () => {
    told = await described(client);
    return told.state === IndexState.Finished || told.state === IndexState.Failed;
  });
  return told;
}

/** Ids of the nearest rows, computed here. */
function nearest(query: readonly number[], count: number, rows: number): number[] {
  const distance = (id: number): number =>
    vectorOf(id).reduce((sum, value, at) => sum + (value - query[at]!) * (value - query[at]!), 0);
  return Array.from({ length: rows }, (_, id) => [id, distance(id)] as const)
    .toSorted((left, right) => left[1] - right[1])
    .slice(0, count)
    .map(([id]) => id);
}

async function recall(client: TestClient, rows: number, search: Readonly<Record<string, unknown>>): Promise<number> {
  const queries = Array.from({ length: 20 }, (_, at) => vectorOf(1_000_000 + at));
  const request = searchFor(collectionName, queries, { topk: "10", params: JSON.stringify(search) });
  const answer = await client.call(service.search, request);
  ok(answer);
  const found = answer.results!.ids!.idField.value as { readonly data: readonly bigint[] };
  let matched = 0;
  for (const [query, vector] of queries.entries()) {
    const wanted = new Set(nearest(vector, 10, rows));
    const hits = found.data.slice(query * 10, query * 10 + 10);
    matched += hits.filter((id) => wanted.has(Number(id))).length;
  }
  return matched / (queries.length * 10);
}

interface Told {
  readonly indexType: string;
  readonly visitedRows: number;
  readonly exactScores: number;
  readonly estimatedRecall: number;
  readonly segments: readonly {
    readonly strategy: string;
    readonly state: string;
    readonly reason: string;
    readonly parameters: string;
    readonly rowCount: number;
    readonly allowedRows: number;
  }[];
}

async function explained(
  client: TestClient,
  search: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Told> {
  const request = searchFor(collectionName, [vectorOf(7)], { topk: "10", params: JSON.stringify(search) }, more);
  const answer = await client.call(service.search, request);
  ok({ ...answer.status!, extraInfo: {} });
  const told = JSON.parse(answer.status!.extraInfo["explain"]!) as Told;
  assert.equal(answer.results!.recalls[0], Math.fround(told.estimatedRecall));
  return told;
}

async function openIndexes(client: TestClient): Promise<number> {
  const answer = await client.call(service.getQuerySegmentInfo, { collectionName });
  ok(answer);
  return answer.infos.filter(({ indexName }) => indexName === "vector").length;
}

async function withServer(
  isNative: boolean,
  directory: string,
  work: (client: TestClient, server: Running) => Promise<void>,
): Promise<void> {
  const server = await startServer({}, 0, { directory, isNative });
  const client = new TestClient(server.port);
  try {
    await work(client, server);
  } finally {
    client.close();
    await server.close();
  }
  assert.deepEqual(server.faults, []);
}

function inDirectory(work: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "elanus-builds-"));
    try {
      await work(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

test(
  "without a native kernel a build fails and says why; searches are exact; small segments and FLAT have nothing to build",
  inDirectory((directory) =>
    withServer(false, directory, async (client) => {
      await create(client);
      await insert(client, 0, 1_100);
      await flush(client, collectionName);
      await createIndex(client, HNSW);
      const told = await settled(client);
      assert.equal(told.state, IndexState.Failed);
      assert.match(told.indexStateFailReason, /searches are exact/);
      assert.deepEqual([told.totalRows, told.indexedRows, told.pendingIndexRows], [1_100n, 0n, 1_100n]);
      await load(client, collectionName);
      assert.equal(await recall(client, 1_100, { ef: 10 }), 1);
      ok(await client.call(service.releaseCollection, { collectionName }));
      ok(await client.call(service.dropIndex, { collectionName, fieldName: "vector" }));
      await createIndex(client, { index_type: "FLAT", metric_type: "L2" });
      const flat = await described(client);
      assert.deepEqual(
        [flat.state, flat.totalRows, flat.indexedRows, flat.pendingIndexRows],
        [IndexState.Finished, 1_100n, 1_100n, 0n],
      );
    }),
  ),
);

const indexes = indexesOf(loadKernel());
if (indexes !== null) withNative(indexes);

function withNative(kernel: IndexKernel): void {
  const held = (): number => kernel.memoryUsed().indexBytes;

  describe("with the native kernel", () => {
    test(
      "an index on rows that are there is built, told, loaded, searched, and its memory given back",
      inDirectory((directory) =>
        withServer(true, directory, async (client, { objects }) => {
          await create(client);
          await insert(client, 0, 3_000);
          await flush(client, collectionName);
          await insert(client, 3_000, 3_500);
          await flush(client, collectionName);
          await createIndex(client, HNSW);
          const building = await described(client);
          assert.equal(building.totalRows, 3_500n);
          assert.equal(building.indexedRows + building.pendingIndexRows, 3_500n);
          const told = await settled(client);
          assert.deepEqual(
            [told.state, told.totalRows, told.indexedRows, told.pendingIndexRows, told.indexStateFailReason],
            [IndexState.Finished, 3_500n, 3_500n, 0n, ""],
          );
          const progress = await client.call(service.getIndexBuildProgress, { collectionName });
          assert.deepEqual([progress.indexedRows, progress.totalRows], [3_500n, 3_500n]);
          assert.equal((await objects.list("index_files/")).length, 1, "500 rows are too few for an index");
          const before = held();
          await load(client, collectionName);
          assert.equal(await openIndexes(client), 1);
          assert.ok(held() - before > 3_000 * (64 + 4 * 24), "codes and lists are in memory");
          assert.ok((await recall(client, 3_500, { ef: 64 })) >= 0.98);
          // Wider searches than the kernel takes, and narrower ones than hits, mean what they can.
          assert.ok((await recall(client, 3_500, { ef: 2_000_000 })) >= 0.999);
          await insert(client, 3_500, 3_600);
          const told2 = await explained(client, { ef: 10, explain: true });
          assert.equal(told2.indexType, "HNSW");
          const bySize = told2.segments.toSorted((left, right) => left.rowCount - right.rowCount);
          assert.deepEqual(
            bySize.map(({ state, rowCount, strategy, parameters }) => [state, rowCount, strategy, parameters]),
            [
              ["growing", 100, "exact", ""],
              ["sealed", 500, "exact", ""],
              ["sealed", 3_000, "index", "ef=10"],
            ],
          );
          assert.match(bySize[1]!.reason, /fewer than 1024 rows/);
          assert.ok(told2.visitedRows > 10 && told2.visitedRows < 1_000, String(told2.visitedRows));
          assert.ok(told2.exactScores >= 600 && told2.exactScores < 1_500, String(told2.exactScores));
          assert.ok(told2.estimatedRecall > 0.8 && told2.estimatedRecall <= 1);
          const wide = await explained(client, { ef: 500, explain: true });
          assert.ok(wide.segments.some(({ strategy }) => strategy === "codes"));
          assert.ok(wide.estimatedRecall > 0.98);
          const few = await explained(client, { explain: true }, { dsl: "id < 100" });
          const filtered = few.segments.find(({ rowCount }) => rowCount === 3_000)!;
          assert.deepEqual([filtered.strategy, filtered.allowedRows], ["exact", 100]);
          const none = few.segments.find(({ rowCount }) => rowCount === 500)!;
          assert.deepEqual([none.strategy, none.allowedRows], ["none", 0]);
          const some = await explained(client, { explain: true }, { dsl: "id % 10 == 3" });
          assert.equal(some.segments.find(({ rowCount }) => rowCount === 3_000)!.allowedRows, 300);
          const refused = await client.call(
            service.search,
            searchFor(collectionName, [vectorOf(7)], { params: '{"explain": 7}' }),
          );
          assert.match(refused.status!.reason, /param 'explain' \(7\) should be a boolean/);
          ok(await client.call(service.releaseCollection, { collectionName }));
          assert.equal(held(), before, "a release gives the bytes back");
          ok(await client.call(service.dropIndex, { collectionName, fieldName: "vector" }));
          await until(async () => (await objects.list("index_files/")).length === 0);
        }),
      ),
    );

    test(
      "what is flushed while it is served is adopted when its index is ready, and no search misses a row meanwhile",
      inDirectory((directory) =>
        withServer(true, directory, async (client) => {
          await create(client);
          await createIndex(client, { index_type: "AUTOINDEX", metric_type: "L2" });
          await load(client, collectionName);
          await insert(client, 0, 2_000);
          const over = new AbortController();
          const find = async (id: number): Promise<void> => {
            const answer = await client.call(service.search, searchFor(collectionName, [vectorOf(id)], { topk: "1" }));
            ok(answer);
            const found = answer.results!.ids!.idField.value as { readonly data: readonly bigint[] };
            assert.equal(found.data[0], BigInt(id));
          };
          const readers = (async () => {
            let rounds = 0;
            for (; !over.signal.aborted; rounds += 1) await find(rounds % 2_000);
            return rounds;
          })();
          await flush(client, collectionName);
          await until(async () => (await openIndexes(client)) === 1);
          assert.ok((await recall(client, 2_000, { level: 3 })) >= 0.98);
          over.abort();
          assert.ok((await readers) > 5);
          ok(await client.call(service.dropCollection, { collectionName }));
        }),
      ),
    );

    test(
      "mmap.enabled false reads vectors into memory, and a release gives that back too",
      inDirectory((directory) =>
        withServer(true, directory, async (client) => {
          await create(client);
          await createIndex(client, HNSW);
          await insert(client, 0, 1_500);
          await flush(client, collectionName);
          assert.equal((await settled(client)).state, IndexState.Finished);
          const bytes = async (): Promise<bigint> => {
            await load(client, collectionName);
            const answer = await client.call(service.getQuerySegmentInfo, { collectionName });
            ok(answer);
            assert.ok((await recall(client, 1_500, { ef: 64 })) >= 0.98);
            ok(await client.call(service.releaseCollection, { collectionName }));
            return answer.infos[0]!.memSize;
          };
          const mapped = await bytes();
          const properties = params({ "mmap.enabled": "false" });
          ok(await client.call(service.alterCollectionField, { collectionName, fieldName: "vector", properties }));
          const raw = BigInt(1_500 * DIMENSION * 4);
          assert.ok((await bytes()) >= mapped + raw);
          const mappedAgain = params({ "mmap.enabled": "true" });
          ok(
            await client.call(service.alterCollectionField, {
              collectionName,
              fieldName: "vector",
              properties: mappedAgain,
            }),
          );
          assert.equal(await bytes(), mapped);
        }),
      ),
    );

    test(
      "a store that fails makes tries that wait; the reason is told, searches are exact, and a later try builds",
      inDirectory(async (directory) => {
        await withServer(true, directory, async (client, { objects, lines }) => {
          await create(client);
          await createIndex(client, HNSW);
          await insert(client, 0, 1_500);
          const put = objects.put.bind(objects);
          let refusals = 0;
          objects.put = (key, ...rest) => {
            if (!key.startsWith("index_files/")) return put(key, ...rest);
            refusals += 1;
            return Promise.reject(new Error("the bucket is shut"));
          };
          await flush(client, collectionName);
          await until(async () => refusals >= 2);
          const told = await described(client);
          assert.notEqual(told.state, IndexState.Finished);
          assert.match(told.indexStateFailReason, /the bucket is shut/);
          assert.equal(told.pendingIndexRows, 1_500n);
          await load(client, collectionName);
          assert.equal(await recall(client, 1_500, { ef: 10 }), 1, "searches are exact meanwhile");
          objects.put = put;
          assert.equal((await settled(client)).state, IndexState.Finished);
          await until(async () => (await openIndexes(client)) === 1);
          assert.ok(lines.some((line) => /was not built \(try 1\): the bucket is shut/.test(line)));
        });
      }),
    );

    test(
      "a damaged file is named, the segment is served exactly, and the index is built again and adopted",
      inDirectory(async (directory) => {
        let path = "";
        await withServer(true, directory, async (client, { objects }) => {
          await create(client);
          await createIndex(client, HNSW);
          await insert(client, 0, 1_500);
          await flush(client, collectionName);
          assert.equal((await settled(client)).state, IndexState.Finished);
          const [file] = await objects.list("index_files/");
          path = objects.localPath(file!.key)!;
          await load(client, collectionName);
          assert.equal(await openIndexes(client), 1);
        });
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 0x10;
        writeFileSync(path, bytes);
        await withServer(true, directory, async (client, { lines, objects }) => {
          await load(client, collectionName);
          assert.ok((await recall(client, 1_500, { ef: 64 })) >= 0.98);
          await until(async () => (await openIndexes(client)) === 1);
          const line = lines.find((candidate) => candidate.includes("is searched without an index"));
          assert.match(line ?? "", /index_files\/\d+\/1\/\d+\/\d+\/graph: .*(section|codes|lists|checksum)/);
          const files = await objects.list("index_files/");
          assert.equal(files.length, 1, "the damaged file is gone");
          assert.match(files[0]!.key, /^index_files\/\d+\/2\//);
          assert.equal((await settled(client)).state, IndexState.Finished);
        });
      }),
    );

    test(
      "a start knows what was built, removes files that no record names, and builds what is missing",
      inDirectory(async (directory) => {
        await withServer(true, directory, async (client, { objects }) => {
          await create(client);
          await createIndex(client, HNSW);
          await insert(client, 0, 1_500);
          await flush(client, collectionName);
          // The start after this may find the build finished, under way, or not begun.
          await objects.put("index_files/1/1/2/3/graph", Uint8Array.of(1, 2, 3));
        });
        await withServer(true, directory, async (client, { objects }) => {
          assert.equal((await settled(client)).state, IndexState.Finished);
          const keys = (await objects.list("index_files/")).map(({ key }) => key);
          assert.equal(keys.length, 1);
          assert.notEqual(keys[0], "index_files/1/1/2/3/graph");
          await load(client, collectionName);
          assert.equal(await openIndexes(client), 1);
          ok(await client.call(service.releaseCollection, { collectionName }));
          ok(await client.call(service.dropCollection, { collectionName }));
          await until(async () => (await objects.list("index_files/")).length === 0);
        });
      }),
    );
  });
}
