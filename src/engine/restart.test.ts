import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { decodeJson } from "../base/json.ts";
import { checkpointKey } from "../coordinator/meta-keys.ts";
import { TwinKernel } from "../kernel/twin/twin.ts";
import { MemoryLog, MemoryLogDisk } from "../log/memory.ts";
import { MemoryMetaStore } from "../metastore/memory.ts";
import { physicalChannel } from "../model/schema.ts";
import { ConsistencyLevel, DataType } from "../model/types.ts";
import { MemoryObjectStore } from "../objectstore/memory.ts";
import { declaredField as field } from "../proxy/declared-field.ts";
import type { InputField } from "../proxy/requests.ts";
import { InProcessTransport } from "../rpc/in-process.ts";
import { type LogPlace, STREAMING, type StreamingService } from "../rpc/services.ts";
import { Engine } from "./engine.ts";

const TARGET = { databaseName: "", collectionName: "c" };
const STRONG = { consistencyLevel: ConsistencyLevel.Strong, useDefaultConsistency: false, guaranteeTimestamp: 0n };

function row(id: bigint): InputField[] {
  const common = { type: 0, isDynamic: false, valid: null, unsupported: false, rowCount: 1 };
  return [
    { ...common, fieldName: "id", column: { kind: "fixed", values: BigInt64Array.of(id) } },
    {
      ...common,
      fieldName: "v",
      column: { kind: "vector", type: DataType.FloatVector, dimension: 2, values: Float32Array.of(1, Number(id)) },
    },
  ];
}

test("a checkpoint stays before rows that are in no file, and a restart shows every row once (I 16.6)", async () => {
  const runtime = new SystemRuntime();
  const [store, objects, disk] = [new MemoryMetaStore(runtime), new MemoryObjectStore(runtime), new MemoryLogDisk()];
  const start = async (): Promise<{ engine: Engine; transport: InProcessTransport; lines: string[] }> => {
    const lines: string[] = [];
    const transport = new InProcessTransport(runtime, { isolate: true });
    const kernel = new TwinKernel(runtime, null);
    const logBackend = new MemoryLog(runtime, disk);
    const adapters = { store, objects, logBackend, kernel, transport, runtime };
    return {
      engine: await Engine.assemble(adapters, { log: (line) => lines.push(line) }, () => undefined),
      transport,
      lines,
    };
  };

  const { engine, transport } = await start();
  const { proxy } = engine;
  const fields = [
    field("id", DataType.Int64, { isPrimaryKey: true }),
    field("v", DataType.FloatVector, { typeParams: [{ key: "dim", value: "2" }] }),
  ];
  const schema = {
    name: "c",
    description: "",
    fields,
    enableDynamicField: false,
    functionCount: 0,
    structs: [],
  };
  await proxy.createCollection({
    ...TARGET,
    schema,
    shardsNum: 1,
    consistencyLevel: ConsistencyLevel.Strong,
    properties: [],
    partitionCount: 0,
  });
  await proxy.createPartition(TARGET, "other");
  await proxy.createIndex(TARGET, "v", "", []);
  await proxy.loadCollection(TARGET, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  const insert = async (id: bigint, partitionName: string): Promise<bigint> => {
    return (await proxy.insert({ ...TARGET, partitionName, fields: row(id), rowCount: 1, schemaTimestamp: 0n }))
      .timestamp;
  };
  await insert(1n, "_default");
  const unflushed = await insert(2n, "other");
  const last = await insert(3n, "_default");

  // Only the segment of one partition is closed; the other one goes on growing.
  const { collection } = await proxy.describe(TARGET);
  const virtualChannel = collection.virtualChannels[0]!;
  const { partitionId } = collection.partitions.find(({ name }) => name === "_default")!;
  const { collectionId } = collection;
  await transport.client<StreamingService>(STREAMING).flush({ virtualChannel, collectionId, partitionId });
  while ((await proxy.flushedSegments(collection)).length === 0) await runtime.sleep(1);
  const entry = await store.get(checkpointKey(physicalChannel(virtualChannel)));
  const checkpoint = decodeJson<LogPlace>(entry!.value);
  assert.ok(checkpoint.timeTick <= unflushed, "what is in no file is replayed");
  assert.ok(checkpoint.timeTick < last);

  // The process dies: nothing is closed, and the disks stay.
  const again = await start();
  const answer = await again.engine.proxy.query({
    ...TARGET,
    ...STRONG,
    partitionNames: [],
    expression: "id > 0",
    templates: new Map(),
    outputFields: ["id"],
    params: new Map(),
  });
  const ids = answer.fields[0]!.column;
  assert.deepEqual(ids.kind === "fixed" && [...ids.values], [1n, 2n, 3n]);
  assert.equal(await again.engine.proxy.rowCount(TARGET), 3, "neither lost nor twice");
  assert.match(again.lines.join("\n"), /\d+ records replayed from position/);
  await again.engine.close();
});
