import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseSegmentKey } from "../../storage/keys.ts";
import { loadKernel } from "../../kernel/load.ts";
import { CompactionState, ConsistencyLevel, SegmentLevel } from "../wire/generated/common_pb.js";
import {
  createQuick,
  flush,
  int64s,
  load,
  ok,
  params,
  quickSchema,
  searchFor,
  service,
  until,
  vectors,
  whenLoaded,
} from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

const LIMITS = { retentionMilliseconds: 0, garbageMilliseconds: 0, compactionCheckMilliseconds: 20 };

/** Files and folders; what goes away meanwhile may be told or not. */
function filesUnder(path: string, prefix = ""): string[] {
  const entries = existsSync(path) ? readdirSync(path, { withFileTypes: true }) : [];
  return entries.flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(path, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}

describe("compaction", () => {
  const directory = mkdtempSync(join(tmpdir(), "elanus-compaction-"));
  let server: Running;
  let client: TestClient;

  before(() => start(0));

  after(async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(compactionSlots: number): Promise<void> {
    server = await startServer({}, 0, { directory, limits: { ...LIMITS, compactionSlots } });
    client = new TestClient(server.port);
  }

  async function stop(): Promise<void> {
    client.close();
    await server.close();
    assert.deepEqual(server.faults, []);
  }

  async function put(method: "insert" | "upsert", name: string, ids: readonly number[], version = 0): Promise<void> {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, version, 0, 0]))];
    ok(await client.call(service[method], { collectionName: name, fieldsData, numRows: ids.length }));
  }

  async function compacted(
    request: Parameters<typeof client.call<typeof service.manualCompaction>>[1],
  ): Promise<bigint> {
    const asked = await client.call(service.manualCompaction, request);
    ok(asked);
    const { compactionID } = asked;
    await until(async () => {
      const state = await client.call(service.getCompactionState, { compactionID });
      ok(state);
      return state.state === CompactionState.Completed;
    });
    return compactionID;
  }

  async function segments(name: string): Promise<{ readonly rows: number[]; readonly deletes: number }> {
    const answer = await client.call(service.getPersistentSegmentInfo, { collectionName: name });
    ok(answer);
    const rows = answer.infos.filter(({ level }) => level !== SegmentLevel.L0).map(({ numRows }) => Number(numRows));
    return { rows, deletes: answer.infos.length - rows.length };
  }

  async function versions(name: string): Promise<Map<number, number>> {
    const answer = await client.call(service.query, {
      collectionName: name,
      expr: "id >= 0",
      outputFields: ["vector"],
    });
    ok(answer);
    const column = (field: string) => answer.fieldsData.find(({ fieldName }) => fieldName === field)!.field;
    const ids = column("id");
    const places = column("vector");
    assert.ok(ids.case === "scalars" && ids.value.data.case === "longData");
    assert.ok(places.case === "vectors" && places.value.data.case === "floatVector");
    const floats = places.value.data.value.data;
    return new Map(ids.value.data.value.data.map((id, row) => [Number(id), floats[row * 4 + 1]!]));
  }

  /** Segments that have files. */
  function onDisk(): Set<bigint> {
    const root = join(directory, "objects");
    const found = new Set<bigint>();
    for (const kind of readdirSync(root).filter((name) => name.endsWith("_log"))) {
      for (const name of filesUnder(join(root, kind))) {
        const key = parseSegmentKey(`${kind}/${name}`);
        if (key !== null) found.add(key.segmentId);
      }
    }
    return found;
  }

  test("segments and their deletes become one, rows stay as they were, files of before go", async () => {
    await createQuick(client, "many");
    await load(client, "many");
    const expected = new Map<number, number>();
    for (let round = 0; round < 8; round += 1) {
      const ids = [round * 3, round * 3 + 1, round * 3 + 2];
      await put("insert", "many", ids);
      for (const id of ids) expected.set(id, 0);
      await put("upsert", "many", [round * 2], round + 1);
      expected.set(round * 2, round + 1);
      ok(await client.call(service.delete, { collectionName: "many", expr: `id == ${round * 3 + 2}` }));
      expected.delete(round * 3 + 2);
      await flush(client, "many");
    }
    const before = await segments("many");
    assert.equal(before.rows.length, 8);
    assert.equal(before.deletes, 16, "those of upserts name their partition");
    const compactionID = await compacted({ collectionName: "many" });
    assert.deepEqual(await segments("many"), { rows: [expected.size], deletes: 0 });
    assert.deepEqual(await versions("many"), expected);

    const plans = await client.call(service.getCompactionStateWithPlans, { compactionID });
    ok(plans);
    assert.deepEqual(
      plans.mergeInfos.map(({ sources, target }) => [sources.length, target > 0n]),
      [
        [16, false],
        [8, true],
      ],
    );
    const { completedPlanNo, failedPlanNo, executingPlanNo } = await client.call(service.getCompactionState, {
      compactionID,
    });
    assert.deepEqual([completedPlanNo, failedPlanNo, executingPlanNo], [2n, 0n, 0n]);

    // Searches go to the new segment alone.
    const { target } = plans.mergeInfos[1]!;
    await until(async () => {
      const { infos } = await client.call(service.getQuerySegmentInfo, { collectionName: "many" });
      return infos.every(({ segmentID }) => segmentID === target);
    });
    await until(async () => onDisk().size === 1);
    assert.deepEqual([...onDisk()], [target]);

    // What comes afterwards meets the new segment.
    await put("upsert", "many", [0], 99);
    expected.set(0, 99);
    assert.deepEqual(await versions("many"), expected);
    await stop();
    await start(0);
    await whenLoaded(client, "many");
    assert.deepEqual(await versions("many"), expected);
  });

  test("reads of the past are refused when no row at all was left", async () => {
    const name = "past_nothing";
    await createQuick(client, name);
    await load(client, name);
    const fieldsData = [
      int64s("id", [1, 2]),
      vectors([
        [1, 0, 0, 0],
        [2, 0, 0, 0],
      ]),
    ];
    const { timestamp: travelTimestamp } = await client.call(service.insert, {
      collectionName: name,
      fieldsData,
      numRows: 2,
    });
    ok(await client.call(service.delete, { collectionName: name, expr: "id in [1, 2]" }));
    await flush(client, name);
    await compacted({ collectionName: name });
    const search = searchFor(name, [[0, 0, 0, 0]], { topk: "10" }, { travelTimestamp });
    const told = async (): Promise<string> => (await client.call(service.search, search)).status!.reason;
    await until(async () => (await told()) !== "");
    assert.match(await told(), /rows deleted or expired before \d+ are gone/);
    await stop();
    await start(0);
    await whenLoaded(client, name);
    assert.match(await told(), /rows deleted or expired before \d+ are gone/);
  });

  test("reads of the past are refused when rows are gone, unless somebody goes on reading as of then", async () => {
    for (const isRead of [false, true]) {
      const name = `past_${isRead}`;
      await createQuick(client, name);
      await load(client, name);
      await put("insert", name, [1, 2, 3]);
      const fieldsData = [int64s("id", [4]), vectors([[4, 0, 0, 0]])];
      const answer = await client.call(service.insert, { collectionName: name, fieldsData, numRows: 1 });
      ok(await client.call(service.delete, { collectionName: name, expr: "id == 2" }));
      await flush(client, name);
      const { timestamp: travelTimestamp } = answer;
      const request = searchFor(name, [[0, 0, 0, 0]], { topk: "10" }, { travelTimestamp });
      const search = async (): Promise<bigint[]> => {
        const found = await client.call(service.search, request);
        ok(found);
        assert.ok(found.results?.ids?.idField.case === "intId");
        return found.results.ids.idField.value.data;
      };
      if (isRead) assert.deepEqual(await search(), [1n, 2n, 3n, 4n]);
      await compacted({ collectionName: name });
      if (isRead) assert.deepEqual(await search(), [1n, 2n, 3n, 4n]);
      else {
        // Until the new segment is served the old ones answer, rightly.
        await until(async () => (await client.call(service.search, request)).status?.code !== 0);
        const refused = await client.call(service.search, request);
        assert.equal(refused.status?.code, 1100);
        assert.match(refused.status.reason, /rows deleted or expired before \d+ are gone/);
      }
      assert.deepEqual([...(await versions(name)).keys()], [1, 3, 4]);
    }
  });

  test("a part of a collection is compacted, or its deletes alone", async () => {
    await createQuick(client, "parts");
    ok(await client.call(service.createPartition, { collectionName: "parts", partitionName: "other" }));
    for (let round = 0; round < 3; round += 1) {
      for (const [partitionName, shift] of [
        ["_default", 0],
        ["other", 100],
      ] as const) {
        const fieldsData = [int64s("id", [round + shift]), vectors([[0, 0, 0, 0]])];
        const numRows = 1;
        ok(await client.call(service.insert, { collectionName: "parts", partitionName, fieldsData, numRows }));
      }
      ok(await client.call(service.delete, { collectionName: "parts", expr: `id == ${round}` }));
      await flush(client, "parts");
    }
    assert.deepEqual(await segments("parts"), { rows: [1, 1, 1, 1, 1, 1], deletes: 3 });
    await compacted({ collectionName: "parts", l0Compaction: true });
    assert.deepEqual(await segments("parts"), { rows: [1, 1, 1, 1, 1, 1], deletes: 0 });
    const partitions = await client.call(service.showPartitions, { collectionName: "parts" });
    await compacted({ collectionName: "parts", partitionId: partitions.partitionIDs[1]! });
    assert.deepEqual((await segments("parts")).rows.toSorted(), [1, 1, 1, 3]);
    await compacted({ collectionName: "parts" });
    assert.deepEqual((await segments("parts")).rows, [3], "of the other partition nothing was left");
    await load(client, "parts");
    assert.deepEqual([...(await versions("parts")).keys()], [100, 101, 102]);
  });

  test("a merged segment serves from when it has its index; until then its parents do", async (context) => {
    const own = mkdtempSync(join(tmpdir(), "elanus-compaction-"));
    context.after(() => rmSync(own, { recursive: true, force: true }));
    const limits = { ...LIMITS, compactionSlots: 0 };
    const native = await startServer({}, 0, { directory: own, limits, isNative: true });
    const caller = new TestClient(native.port);
    context.after(async () => {
      caller.close();
      await native.close();
      assert.deepEqual(native.faults, []);
    });
    const collectionName = "indexed";
    const rows = 1_500;
    const schema = quickSchema(collectionName);
    const consistencyLevel = ConsistencyLevel.Strong;
    ok(await caller.call(service.createCollection, { collectionName, schema, consistencyLevel }));
    const extraParams = params({ index_type: "HNSW", metric_type: "L2", M: "16", efConstruction: "100" });
    ok(await caller.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await load(caller, collectionName);
    for (let segment = 0; segment < 3; segment += 1) {
      const ids = Array.from({ length: rows }, (_, row) => segment * rows + row);
      const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id % 67, id % 71, id % 73, 0]))];
      ok(await caller.call(service.insert, { collectionName, fieldsData, numRows: rows }));
      ok(await caller.call(service.flush, { collectionNames: [collectionName] }));
    }
    const loaded = async (): Promise<
      readonly { readonly rowCount: number; readonly indexes: readonly unknown[] }[]
    > => [...(await native.proxy.loadedSegments()).values()];
    const isBuilt = async (count: number): Promise<boolean> => {
      const segments = await loaded();
      return segments.length === count && segments.every(({ indexes }) => indexes.length === 1);
    };
    const hasKernel = loadKernel().reason === null;
    if (hasKernel) await until(() => isBuilt(3));
    const asked = await caller.call(service.manualCompaction, { collectionName });
    ok(asked);
    for (let isCompleted = false; !isCompleted;) {
      const state = await caller.call(service.getCompactionState, { compactionID: asked.compactionID });
      isCompleted = state.state === CompactionState.Completed;
      const indexed = (await loaded()).filter(({ indexes }) => indexes.length === 1);
      const indexedRows = indexed.reduce((sum, { rowCount }) => sum + rowCount, 0);
      assert.ok(!hasKernel || indexedRows >= 3 * rows, `${indexedRows} rows can be searched through an index`);
      const { infos } = await caller.call(service.getQuerySegmentInfo, { collectionName });
      const served = infos.reduce((sum, { numRows }) => sum + Number(numRows), 0);
      assert.equal(served, 3 * rows, "tools see all rows in memory");
      const found = await caller.call(service.query, { collectionName, outputFields: ["count(*)"] });
      ok(found);
    }
    await until(async () => (await loaded()).length === 1);
    if (hasKernel) assert.ok(await isBuilt(1));
  });

  test("what is not there, or not done, is said", async () => {
    const unknown = await client.call(service.manualCompaction, { collectionName: "nowhere" });
    assert.equal(unknown.status?.code, 100);
    await createQuick(client, "plain");
    const major = await client.call(service.manualCompaction, { collectionName: "plain", majorCompaction: true });
    assert.deepEqual(
      [major.status?.code, major.status?.reason],
      [2304, "collection not support clustering compaction"],
    );
    const nothing = await client.call(service.manualCompaction, { collectionName: "plain" });
    ok(nothing);
    assert.equal(nothing.compactionPlanCount, 0);
    const state = await client.call(service.getCompactionState, { compactionID: 12345n });
    ok(state);
    assert.equal(state.state, CompactionState.Completed);
  });

  test("thirty flushes leave at most three segments without anybody asking", async () => {
    await stop();
    await start(1);
    await createQuick(client, "small");
    await load(client, "small");
    for (let round = 0; round < 30; round += 1) {
      await put("insert", "small", [round]);
      await flush(client, "small");
    }
    await until(async () => (await segments("small")).rows.length <= 3);
    assert.deepEqual(
      [...(await versions("small")).keys()],
      Array.from({ length: 30 }, (_, id) => id),
    );
  });
});
