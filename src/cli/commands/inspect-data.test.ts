import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { Engine } from "../../engine/engine.ts";
import { bytesColumn } from "../../model/columns.ts";
import { ConsistencyLevel, DataType } from "../../model/types.ts";
import { declaredField as field } from "../../proxy/declared-field.ts";
import { COMMANDS } from "../commands.ts";
import { runProgram } from "../program.ts";

const directory = mkdtempSync(join(tmpdir(), "elanus-inspect-data-"));
const TARGET = { databaseName: "", collectionName: "words" };
after(() => rmSync(directory, { recursive: true, force: true }));

before(async () => {
  const engine = await Engine.open({ directory });
  const { proxy } = engine;
  await proxy.createCollection({
    ...TARGET,
    schema: {
      name: "words",
      description: "",
      fields: [
        field("word", DataType.VarChar, { isPrimaryKey: true, typeParams: [{ key: "max_length", value: "20" }] }),
        field("v", DataType.FloatVector, { typeParams: [{ key: "dim", value: "2" }] }),
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
  const { offsets, bytes } = bytesColumn(DataType.VarChar, ["a", "b", "c"]);
  const common = { type: 0, isDynamic: false, valid: null, unsupported: false, rowCount: 3 };
  await proxy.insert({
    ...TARGET,
    partitionName: "",
    rowCount: 3,
    schemaTimestamp: 0n,
    fields: [
      { ...common, fieldName: "word", column: { kind: "bytes", offsets, bytes } },
      {
        ...common,
        fieldName: "v",
        column: { kind: "vector", type: DataType.FloatVector, dimension: 2, values: Float32Array.of(1, 2, 3, 4, 5, 6) },
      },
    ],
  });
  const [flushed] = await proxy.flush("", ["words"]);
  while (!(await proxy.isFlushed(TARGET, flushed!.flushTimestamp))) await engine.runtime.sleep(1);
  const templates = new Map();
  await proxy.delete({
    ...TARGET,
    partitionName: "",
    expression: 'word in ["a"]',
    templates,
    consistencyLevel: ConsistencyLevel.Strong,
  });
  await engine.close();
});

async function lines(...words: string[]): Promise<Record<string, unknown>[]> {
  let [output, errors] = ["", ""];
  const status = await runProgram(COMMANDS, [...words, "--data", directory, "--json"], {
    output: { write: (text: string) => void (output += text) },
    errors: { write: (text: string) => void (errors += text) },
    stop: new AbortController().signal,
    runtime: new SystemRuntime(),
  });
  assert.equal(status, 0, errors);
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("tail prints exactly op_type, data and tso, in order (row 4.42)", async () => {
  const messages = await lines("tail");
  for (const message of messages) assert.deepEqual(Object.keys(message), ["op_type", "data", "tso"]);
  const types = messages.map((message) => message["op_type"]);
  assert.equal(types.at(-1), "Delete");
  assert.ok(!types.includes("TimeTick"));
  const ticks = messages.map((message) => BigInt(message["tso"] as string));
  assert.ok(ticks.every((tick, at) => at === 0 || tick >= ticks[at - 1]!));
  assert.deepEqual((messages.at(-1)!["data"] as { keys: number }).keys, 1);
  assert.deepEqual(await lines("tail", "--collection", "1"), [], "no such collection");
});

test("inspect segments and segment tell state, flush timestamp and the five facts of each file (rows 4.45, 1.7)", async () => {
  const segments = await lines("inspect", "segments");
  const rows = segments.find((segment) => segment["level"] === "L1")!;
  assert.equal(rows["state"], "Flushed");
  assert.equal(rows["rows"], 3);
  assert.equal(rows["storage_version"], 2);
  assert.ok(BigInt(rows["flush_ts"] as string) > 0n);
  const [, ...files] = await lines("inspect", "segment", rows["segment_id"] as string);
  const groups = files.filter((file) => "group" in file);
  assert.ok(groups.length >= 2, "system columns, and the vector in a group of its own");
  for (const group of groups) {
    for (const fact of ["LogSize", "LogPath", "EntriesNum", "TimestampFrom", "TimestampTo"])
      assert.ok(fact in group, fact);
    assert.match(group["LogPath"] as string, /^insert_log\/\d+\/\d+\/\d+\/\d+\/\d+$/);
  }
});

test("inspect channels, meta and wal show what there is", async () => {
  assert.equal((await lines("inspect", "channels"))[0]!["collection"], "words");
  const keys = (await lines("inspect", "meta")).map((entry) => entry["key"] as string);
  assert.ok(keys.some((key) => key.includes("root-coord/database/collection-info/")));
  assert.ok((await lines("inspect", "wal")).some((record) => record["kind"] === "data"));
});

test("a directory that is none of ours, and a segment that is not there, are told so", async () => {
  let errors = "";
  const terminal = {
    output: { write: () => undefined },
    errors: { write: (text: string) => void (errors += text) },
    stop: new AbortController().signal,
    runtime: new SystemRuntime(),
  };
  assert.equal(await runProgram(COMMANDS, ["inspect", "meta", "--data", join(directory, "wal")], terminal), 1);
  assert.match(errors, /is not a data directory of Elanus/);
  assert.equal(await runProgram(COMMANDS, ["inspect", "segment", "7", "--data", directory], terminal), 1);
  assert.match(errors, /there is no flushed segment 7/);
});
