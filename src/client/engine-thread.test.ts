/** What happens around the engine's thread: two openers, death, abort, the end of the process, a program that is busy. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { MilvusError, connect } from "./connect.ts";
import { Elanus } from "./elanus.ts";
import { EngineLink } from "./engine-link.ts";

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "elanus-client-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const VECTOR = [1, 0, 0, 0];
const rows = (first: number, count: number): object[] =>
  Array.from({ length: count }, (_, at) => ({ id: first + at, vector: VECTOR, text: "x".repeat(100) }));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  /** From the last that it printed to its end. */
  readonly lastMilliseconds: number;
}

/** Against programs that never end; on a busy machine a good one may take half a minute to begin. */
const CHILD_LIMIT_MILLISECONDS = 120_000;

/** Runs a program that has `connect` and `path`. Its own end is the point: nobody ends it but a limit of time. */
async function child(path: string, program: string): Promise<Ended> {
  const source = `
    import { readFileSync, readdirSync } from "node:fs";
    import { join } from "node:path";
    import { connect } from ${JSON.stringify(new URL("./connect.ts", import.meta.url).href)};
    const path = ${JSON.stringify(path)};
    const rows = (first, count) => Array.from({ length: count }, (_, at) => ({ id: first + at, vector: [1, 0, 0, 0] }));
    const busy = (milliseconds) => { const end = Date.now() + milliseconds; while (Date.now() < end); };
    ${program}
  `;
  let last = performance.now();
  const process_ = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", source], {
    timeout: CHILD_LIMIT_MILLISECONDS,
  });
  let output = "";
  for (const stream of [process_.stdout, process_.stderr])
    stream.on("data", (data) => {
      output += String(data);
      last = performance.now();
    });
  const [code, signal] = (await once(process_, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, output, lastMilliseconds: performance.now() - last };
}

async function countIn(path: string): Promise<number> {
  await using db = await connect(path);
  return db.count("docs");
}

test("a second opener is told who has the directory, and may have it after a close", async (context) => {
  const path = await folder(context);
  const first = await connect(path);
  await assert.rejects(connect(path), (error) => {
    assert.ok(error instanceof MilvusError);
    assert.equal(error.code, 2);
    for (const part of [path, String(process.pid), hostname(), "another directory"])
      assert.ok(error.message.includes(part));
    return true;
  });
  const other = await child(path, `await connect(path).catch((error) => console.log(error.code, error.message));`);
  assert.match(other.output, new RegExp(`^2 .*process ${process.pid} on host`));
  assert.equal(other.code, 0);
  await first.createCollection({ name: "docs", dimension: 4 });
  await Promise.all([first.close(), first.close()]);
  await first.close();
  await assert.rejects(first.listCollections(), /this client was closed/);
  await using second = await connect(path);
  assert.deepEqual(await second.listCollections(), ["docs"]);
});

test("a close waits for what was begun", async (context) => {
  const path = await folder(context);
  const db = await connect(path);
  await db.createCollection({ name: "docs", dimension: 4 });
  const writes = Array.from({ length: 200 }, (_, at) => db.insert("docs", rows(at * 10, 10)));
  await db.count("docs");
  await db.close();
  await Promise.all(writes);
  assert.equal(await countIn(path), 2_000);
});

test("the death of the thread rejects every open call, and what was acknowledged is there", async (context) => {
  const path = await folder(context);
  const { link, timestamp } = await EngineLink.open({ settings: { directory: path, limits: {}, wantsLog: false } });
  const db = new Elanus(link, timestamp);
  await db.createCollection({ name: "docs", dimension: 4 });
  let acknowledged = (await db.insert("docs", rows(0, 100))).count;
  const writes = Array.from({ length: 300 }, (_, at) => db.insert("docs", rows(100 + at * 100, 100)));
  for (const write of writes) write.then(({ count }) => (acknowledged += count)).catch(() => undefined);
  await writes[5];
  await link.kill();
  const outcomes = await Promise.allSettled(writes);
  const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason as unknown);
  assert.ok(failures.length > 0, "some calls were open");
  for (const failure of failures) {
    assert.ok(failure instanceof MilvusError);
    assert.equal(failure.kind, "ServiceUnavailable");
    assert.match(failure.message, /the engine's thread ended/);
  }
  await assert.rejects(db.count("docs"), /the engine's thread ended/);
  await db.close();
  const found = await countIn(path);
  assert.ok(found >= acknowledged && found <= 100 + 300 * 100, `${found} rows, ${acknowledged} acknowledged`);
  assert.equal(found % 100, 0, "no batch is there in part");
});

test("a signal gives a call up, wherever it is", async (context) => {
  await using db = await connect(await folder(context));
  await db.createCollection({ name: "docs", dimension: 4 });
  await db.insert("docs", rows(0, 1_000));
  const search = (signal: AbortSignal): Promise<unknown> => db.search("docs", { vector: VECTOR, signal });
  const reason = new Error("not wanted any more");
  await assert.rejects(search(AbortSignal.abort(reason)), reason);
  // More than may be on the way at once, so that some are still in line.
  const controller = new AbortController();
  const open = Array.from({ length: 300 }, () => search(controller.signal));
  controller.abort(reason);
  for (const outcome of await Promise.allSettled(open)) {
    assert.deepEqual(outcome, { status: "rejected", reason });
  }
  assert.equal(await db.count("docs"), 1_000, "the next call is served");
});

test("a flood is refused beyond its limits, and the rest served", async (context) => {
  await using db = await connect(await folder(context));
  const outcomes = await Promise.allSettled(Array.from({ length: 3_000 }, () => db.listCollections()));
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(refused.length, 3_000 - 64 - 1_024);
  for (const { reason } of refused) assert.equal((reason as MilvusError).code, 4);
});

test("a process ends by itself after a close, and without one", async (context) => {
  const path = await folder(context);
  const closed = await child(
    path,
    `const db = await connect(path);
     await db.createCollection({ name: "docs", dimension: 4 });
     await db.insert("docs", rows(0, 10));
     await db.close();
     console.log("closed");`,
  );
  assert.deepEqual([closed.code, closed.signal, closed.output], [0, null, "closed\n"]);
  const left = await child(
    path,
    `const db = await connect(path); await db.insert("docs", rows(10, 10)); console.log("left");`,
  );
  assert.deepEqual([left.code, left.signal, left.output], [0, null, "left\n"]);
  assert.ok(left.lastMilliseconds < 10_000, `${left.lastMilliseconds} ms after its last line`);
  const open = await child(
    path,
    `const db = await connect(path); db.insert("docs", rows(20, 10)).then(() => console.log("written"));`,
  );
  assert.deepEqual([open.code, open.output], [0, "written\n"], "an open call keeps the process");
  const exited = await child(
    path,
    `const db = await connect(path);
     await db.insert("docs", rows(30, 10));
     for (let at = 0; at < 50; at += 1) db.search("docs", { vector: [1, 0, 0, 0] }).catch(() => undefined);
     setTimeout(() => process.exit(3), 5);`,
  );
  assert.deepEqual(
    [exited.code, exited.signal, exited.output],
    [3, null, ""],
    "an exit in the midst of calls is clean",
  );
  assert.equal(await countIn(path), 40);
});

test("a killed process has lost nothing that was acknowledged", async (context) => {
  const path = await folder(context);
  const killed = await child(
    path,
    `const db = await connect(path);
     await db.createCollection({ name: "docs", dimension: 4 });
     for (let at = 0; at < 20; at += 1) await db.insert("docs", rows(at * 100, 100));
     process.kill(process.pid, "SIGKILL");`,
  );
  assert.equal(killed.signal, "SIGKILL", killed.output);
  assert.equal(await countIn(path), 2_000);
});

test("a write becomes durable while its program computes and never comes back", async (context) => {
  const path = await folder(context);
  const killed = await child(
    path,
    `const db = await connect(path);
     await db.createCollection({ name: "docs", dimension: 4 });
     await db.count("docs");
     await db.insert("docs", rows(0, 1));
     void db.insert("docs", [...rows(1, 98), { id: 99, vector: [1, 0, 0, 0], text: "the last of all" }]);
     await Promise.resolve();
     const journals = () => readdirSync(path, { recursive: true }).filter((name) => name.endsWith(".journal"));
     while (!journals().some((name) => readFileSync(join(path, name)).includes("the last of all")));
     busy(300);
     process.kill(process.pid, "SIGKILL");`,
  );
  assert.equal(killed.signal, "SIGKILL", killed.output);
  assert.equal(await countIn(path), 100);
});

test("calls are served while the program computes", async (context) => {
  const served = new Map<string, number>();
  const { link, timestamp, changes } = await EngineLink.open({
    settings: { directory: await folder(context), limits: {}, wantsLog: false },
    onAnswer: (name, milliseconds) => served.set(name, milliseconds),
  });
  await using db = new Elanus(link, timestamp);
  await db.createCollection({ name: "docs", dimension: 4 });
  await db.insert("docs", rows(0, 100));
  served.clear();
  const before = changes.count;
  const calls = [db.search("docs", { vector: VECTOR }), db.count("docs"), db.insert("docs", rows(100, 100))];
  await Promise.resolve();
  const start = performance.now();
  while (changes.count === before && performance.now() - start < 20_000);
  assert.notEqual(changes.count, before, "what was inserted is seen while the program computes");
  // All have been received by now. What waited for the program would take longer than this; how long the rest takes is the machine's.
  const pace = performance.now() - start;
  for (const end = performance.now() + pace + 600; performance.now() < end;);
  assert.equal(served.size, 0, "the program had no turn");
  await Promise.all(calls);
  assert.deepEqual([...served.keys()].toSorted(), ["insert", "query", "search"]);
  for (const [name, milliseconds] of served) {
    assert.ok(milliseconds < pace + 400, `${name} took ${milliseconds} ms of the engine's time`);
  }
});
