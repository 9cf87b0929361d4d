/** What is told of the indexes of a data directory: the records always, what is in a file where there is a native kernel. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { connect } from "../../client/connect.ts";
import { Engine } from "../../engine/engine.ts";
import type { EngineLimits } from "../../engine/limits.ts";
import { indexesOf, loadKernel } from "../../kernel/load.ts";
import { COMMANDS } from "../commands.ts";
import { runProgram } from "../program.ts";

const ROWS = 1_200;
const directory = mkdtempSync(join(tmpdir(), "elanus-inspect-index-"));
const isNative = indexesOf(loadKernel()) !== null;
after(() => rmSync(directory, { recursive: true, force: true }));

before(async () => {
  const db = await connect(directory);
  await db.createCollection({
    name: "dots",
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "dot", type: "FloatVector", dimension: 8 },
    ],
    indexes: [{ field: "dot", indexType: "HNSW", metricType: "L2", params: { M: 6, efConstruction: 40 } }],
    load: false,
  });
  const rows = Array.from({ length: ROWS }, (_, id) => ({
    id,
    dot: Array.from({ length: 8 }, (__, at) => Math.sin(id * 1.7 + at * id)),
  }));
  await db.insert("dots", rows);
  await db.flush("dots");
  await db.close();
  // A build begins after the flush; it ends in that life or the next.
  const engine = await Engine.open({ directory });
  for (;;) {
    const [told] = await engine.proxy.describeIndexes({ databaseName: "", collectionName: "dots" }, "");
    if (told!.progress.state === "Finished" || told!.progress.state === "Failed") break;
    await engine.runtime.sleep(10);
  }
  await engine.close();
});

/** The index of the vectors is dropped and another one built: what is told of that. */
async function toldOfAnother(
  params: Readonly<Record<string, string>>,
  limits: Partial<EngineLimits> = {},
): Promise<Record<string, unknown>> {
  const engine = await Engine.open({ directory, limits });
  const target = { databaseName: "", collectionName: "dots" };
  await engine.proxy.dropIndex(target, "dot");
  const given = Object.entries({ ...params, metric_type: "L2" }).map(([key, value]) => ({ key, value }));
  await engine.proxy.createIndex(target, "dot", "", given);
  while ((await engine.proxy.describeIndexes(target, ""))[0]!.progress.state !== "Finished") {
    await engine.runtime.sleep(10);
  }
  await engine.close();
  const { build_id: buildId } = JSON.parse((await inspect("inspect", "indexes", "--json")).output) as {
    build_id: string;
  };
  return JSON.parse((await inspect("inspect", "index", buildId, "--json")).output) as Record<string, unknown>;
}

async function inspect(...words: string[]): Promise<{ status: number; output: string; errors: string }> {
  let [output, errors] = ["", ""];
  const status = await runProgram(COMMANDS, [...words, "--data", directory], {
    output: { write: (text: string) => void (output += text) },
    errors: { write: (text: string) => void (errors += text) },
    stop: new AbortController().signal,
    runtime: new SystemRuntime(),
  });
  return { status, output, errors };
}

test("records are listed with their state", async () => {
  const { status, output } = await inspect("inspect", "indexes");
  assert.equal(status, 0);
  assert.match(
    output,
    isNative ? /index_type=HNSW {2}state=Finished .*rows=1200 .*graph"\]/ : /state=Failed {2}reason=/,
  );
});

test("a build that is not there is told so", async () => {
  const { status, errors } = await inspect("inspect", "index", "7");
  assert.equal(status, 1);
  assert.match(errors, /there is no build 7; elanus inspect indexes lists them/);
});

if (isNative) {
  test("what is in an index is told: type, layout, degrees, bytes by part; and the layout is what there is room for", async () => {
    const listed = await inspect("inspect", "indexes", "--json");
    const { build_id: buildId } = JSON.parse(listed.output) as { build_id: string };
    const { status, output } = await inspect("inspect", "index", buildId, "--json");
    assert.equal(status, 0);
    const told = JSON.parse(output) as Record<string, unknown>;
    assert.deepEqual(
      [told["kind"], told["layout"], told["metric"], told["degree"], told["beam"], told["rowCount"]],
      ["graph", "packed", "L2", 12, 40, ROWS],
    );
    const degrees = Object.values(told["rowsOfDegree"] as Record<string, number>);
    assert.equal(
      degrees.reduce((sum, count) => sum + count, 0),
      told["graphRowCount"],
    );
    for (const part of ["codeBytes", "listBytes", "clusterBytes", "otherBytes", "fileBytes"])
      assert.ok((told[part] as number) > 0, part);

    // Built where there is no room for the larger layout.
    const lean = await toldOfAnother({ index_type: "HNSW" }, { roomyIndexBytes: 0 });
    assert.equal(lean["layout"], "lean");
    assert.ok((lean["fileBytes"] as number) < (told["fileBytes"] as number));
  });

  test("a damaged file is named", async () => {
    const { build_id: buildId, files } = JSON.parse((await inspect("inspect", "indexes", "--json")).output) as {
      build_id: string;
      files: string[];
    };
    const path = join(directory, "objects", files[0]!);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    const damaged = await inspect("inspect", "index", buildId);
    assert.equal(damaged.status, 1);
    assert.match(damaged.errors, /objects\/index_files\/.*graph/);
  });

  test("of inverted lists: as many as were asked for, and each row in one", async () => {
    const told = await toldOfAnother({ index_type: "IVF_FLAT", nlist: "24" });
    assert.deepEqual([told["kind"], told["codes"], told["lists"], told["rowCount"]], ["lists", "none", 24, ROWS]);
    assert.equal(told["looseRowCount"], 0);
    assert.ok((told["shortestList"] as number) <= ROWS / 24 && (told["longestList"] as number) >= ROWS / 24);
    assert.ok((told["centreBytes"] as number) >= 24 * 8 * 4);
  });

  test("of packed lists: terms, postings, bytes", async () => {
    const db = await connect(directory);
    await db.createCollection({
      name: "words",
      fields: [
        { name: "id", type: "Int64", primaryKey: true },
        { name: "words", type: "SparseFloatVector" },
      ],
      indexes: [{ field: "words", indexType: "SPARSE_INVERTED_INDEX", metricType: "IP", params: {} }],
      load: false,
    });
    const rows = Array.from({ length: ROWS }, (_, id) => ({ id, words: { [id % 40]: 1 + (id % 3), 1000: 2 } }));
    await db.insert("words", rows);
    await db.flush("words");
    await db.close();
    const engine = await Engine.open({ directory });
    const target = { databaseName: "", collectionName: "words" };
    while ((await engine.proxy.describeIndexes(target, ""))[0]!.progress.state !== "Finished") {
      await engine.runtime.sleep(10);
    }
    await engine.close();
    const lines = (await inspect("inspect", "indexes", "--json")).output.trimEnd().split("\n");
    const built = lines.map((line) => JSON.parse(line) as { build_id: string; index_type: string });
    const { build_id: buildId } = built.find(({ index_type: type }) => type === "SPARSE_INVERTED_INDEX")!;
    const told = JSON.parse((await inspect("inspect", "index", buildId, "--json")).output) as Record<string, unknown>;
    assert.deepEqual(
      [told["kind"], told["metric"], told["rowCount"], told["termCount"], told["postingCount"]],
      ["postings", "IP", ROWS, 41, 2 * ROWS],
    );
    assert.ok((told["listBytes"] as number) < 4 * 2 * ROWS);
  });
}
