/** Who may open a data directory, and what happens to one that cannot be opened, or is closed at work. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MilvusError } from "../../src/base/errors.ts";
import { Engine } from "../../src/engine/engine.ts";
import {
  closeAfter,
  filesBelow,
  flush,
  folder,
  insertRows,
  load,
  makeCollection,
  range,
  readIds,
  refusal,
} from "./collection.ts";

const ENGINE = JSON.stringify(new URL("../../src/engine/engine.ts", import.meta.url).href);

async function opened(context: TestContext, directory: string): Promise<Engine> {
  const engine = await Engine.open({ directory });
  closeAfter(context, engine);
  return engine;
}

test("a directory that another process has open names its pid and host, and says what to do", async (context) => {
  const directory = join(folder(context), "data");
  const program = `import { Engine } from ${ENGINE}; await Engine.open({ directory: ${JSON.stringify(directory)} });
    console.log("open"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const files = filesBelow(directory);
  const { code, message } = await refusal(Engine.open({ directory }));
  assert.equal(code, 2);
  for (const part of [directory, `process ${child.pid}`, hostname(), "stop that process", "another directory"]) {
    assert.ok(message.includes(part), `${message} tells ${part}`);
  }
  assert.deepEqual(filesBelow(directory), files, "the refused one left nothing behind");
  child.kill("SIGKILL");
  await once(child, "exit");
  await opened(context, directory);
});

test("two engines of one process cannot have one directory, and the first goes on", async (context) => {
  const directory = join(folder(context), "data");
  const engine = await opened(context, directory);
  await makeCollection(engine, "one");
  const { code, message } = await refusal(Engine.open({ directory }));
  assert.equal(code, 2);
  assert.match(message, /this very process/);
  await insertRows(engine, "one", 0, 10);
  assert.deepEqual(await readIds(engine, "one"), range(0, 10));
});

test("a missing parent is made; a file in the way, or in the place of a parent, is refused", async (context) => {
  const parent = folder(context);
  const engine = await Engine.open({ directory: join(parent, "not/yet/there") });
  await engine.close();
  assert.ok(existsSync(join(parent, "not/yet/there/meta.db")));
  writeFileSync(join(parent, "file"), "precious");
  for (const [directory, text] of [
    [join(parent, "file"), /is a file; name a directory/],
    [join(parent, "file/below"), /a part of the path is a file/],
  ] as const) {
    const { code, message } = await refusal(Engine.open({ directory }));
    assert.equal(code, 1010);
    assert.match(message, text);
  }
  assert.equal(readFileSync(join(parent, "file"), "utf8"), "precious");
});

test("a directory that may not be written is refused with its path and what to check", (context) => {
  const parent = folder(context);
  const directory = join(parent, "closed");
  mkdirSync(directory);
  chmodSync(parent, 0o755);
  // Root may write everywhere, so that somebody else must try.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(directory, 65_534, 65_534);
  chmodSync(directory, 0o500);
  const program = `import { Engine } from ${ENGINE}; ${isRoot ? "process.setuid(65534);" : ""}
    const error = await Engine.open({ directory: ${JSON.stringify(directory)} }).catch((thrown) => thrown);
    console.log(JSON.stringify([error.code, error.message]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  chmodSync(directory, 0o700);
  assert.notEqual(stdout, "", stderr);
  const [code, message] = JSON.parse(stdout) as [number, string];
  assert.equal(code, 1005);
  assert.ok(message.includes(directory) && message.includes("check owner and mode"), message);
  assert.deepEqual(filesBelow(directory), []);
});

test("what stands in the place of a store is named, and the directory opens once it is out of the way", async (context) => {
  const directory = folder(context);
  for (const name of ["objects", "wal"]) {
    writeFileSync(join(directory, name), "in the way");
    const { message, code } = await refusal(Engine.open({ directory }));
    assert.ok(message.includes(join(directory, name)), message);
    assert.ok(code !== 65535, `${code}: ${message}`);
    rmSync(join(directory, name));
  }
  await makeCollection(await opened(context, directory), "one");
});

test("closing while operations run ends each with an answer, and what was acknowledged is there", async (context) => {
  const directory = folder(context);
  const engine = await opened(context, directory);
  await makeCollection(engine, "one", 2);
  const acknowledged: number[] = [];
  const refused: unknown[] = [];
  let next = 0;
  const writers = Array.from({ length: 8 }, async () => {
    for (;;) {
      const first = next;
      next += 10;
      try {
        await insertRows(engine, "one", first, 10);
        acknowledged.push(...range(first, first + 10));
      } catch (error) {
        refused.push(error);
        return;
      }
    }
  });
  const reader = (async () => {
    try {
      for (;;) await readIds(engine, "one");
    } catch (error) {
      refused.push(error);
    }
  })();
  const flusher = flush(engine, "one").catch((error: unknown) => void refused.push(error));
  while (acknowledged.length < 300) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([engine.close(), engine.close()]);
  await Promise.all([...writers, reader, flusher]);
  for (const error of refused) {
    assert.ok(error instanceof MilvusError, String(error));
    assert.notEqual(error.code, 65535, error.message);
  }
  const late = await refusal(insertRows(engine, "one", 1_000_000, 1));
  assert.ok(late.retriable && late.code <= 2, late.message);
  const again = await opened(context, directory);
  await load(again, "one");
  const there = new Set(await readIds(again, "one"));
  assert.deepEqual(
    acknowledged.filter((id) => !there.has(id)),
    [],
  );
  assert.ok([...there].every((id) => id < next));
});
