import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { metaStoreConformance } from "./conformance.ts";
import { writeMuch } from "./conformance/changes.ts";
import type { MakeStore } from "./conformance/subject.ts";
import { SqliteMetaStore } from "./sqlite.ts";

const runtime = new SystemRuntime();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "elanus-meta-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function fresh(context: TestContext): Promise<{ readonly path: string; readonly store: SqliteMetaStore }> {
  const path = join(await folder(context), "meta.db");
  const store = await SqliteMetaStore.open(path, runtime);
  context.after(() => store.close());
  return { path, store };
}

const make: MakeStore = async (context) => {
  const path = join(await folder(context), "meta.db");
  const history = { events: 180, bytes: 8 * 1024 * 1024 };
  let store = await SqliteMetaStore.open(path, runtime, { history });
  context.after(() => store.close());
  const reopen = async (): Promise<SqliteMetaStore> => {
    await store.close();
    store = await SqliteMetaStore.open(path, runtime, { history });
    return store;
  };
  return { store, reopen, compact: writeMuch };
};

metaStoreConformance("SqliteMetaStore", make, { isDurable: true });

test("a second opener is told that the file is open elsewhere", async (context) => {
  const { path, store } = await fresh(context);
  await assert.rejects(SqliteMetaStore.open(path, runtime), (error: { kind: string; message: string }) => {
    assert.equal(error.kind, "ServiceUnavailable");
    assert.match(error.message, /meta\.db is open elsewhere/);
    return true;
  });
  assert.equal((await store.transaction([], [{ put: "a", value: bytes("1") }])).succeeded, true);
});

test("a folder that is not there is named", async () => {
  await assert.rejects(SqliteMetaStore.open("/nonexistent/meta.db", runtime), {
    kind: "IoPermissionDenied",
    message: /nonexistent\/meta\.db cannot be opened/,
  });
});

test("a file that is no database is refused by name and left as it is", async (context) => {
  const path = join(await folder(context), "meta.db");
  const content = "this was never a database. ".repeat(400);
  await writeFile(path, content);
  await assert.rejects(SqliteMetaStore.open(path, runtime), {
    kind: "DataIntegrity",
    message: /meta\.db is damaged.*backup/,
  });
  assert.equal(await readFile(path, "utf8"), content);
});

test("the database of another program is refused", async (context) => {
  const path = join(await folder(context), "meta.db");
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE notes (text TEXT)");
  other.close();
  await assert.rejects(SqliteMetaStore.open(path, runtime), { kind: "DataIntegrity", message: /another program/ });
});

test("a newer format and an unknown feature are refused by name", async (context) => {
  const { path, store } = await fresh(context);
  await store.close();
  const change = (sql: string): void => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  change("INSERT INTO format VALUES ('feature:shadow-keys', '1')");
  await assert.rejects(SqliteMetaStore.open(path, runtime), {
    kind: "OperationNotSupported",
    message: /unknown feature shadow-keys/,
  });
  change("DELETE FROM format WHERE name = 'feature:shadow-keys'; UPDATE format SET value = '2' WHERE name = 'version'");
  await assert.rejects(SqliteMetaStore.open(path, runtime), {
    kind: "OperationNotSupported",
    message: /format version 2/,
  });
  change("UPDATE format SET value = '1' WHERE name = 'version'");
  await (await SqliteMetaStore.open(path, runtime)).close();
});

test("overwritten pages are found at opening", async (context) => {
  const { path, store } = await fresh(context);
  for (let key = 0; key < 200; key++)
    await store.transaction([], [{ put: `k/${key}`, value: runtime.randomBytes(500) }]);
  await store.close();
  const file = await open(path, "r+");
  const { size } = await file.stat();
  for (let offset = 4096 * 3; offset < size; offset += 4096 * 2)
    await file.write(Buffer.alloc(64, 0xee), 0, 64, offset);
  await file.close();
  await assert.rejects(SqliteMetaStore.open(path, runtime), {
    kind: "DataIntegrity",
    message: /meta\.db is damaged.*backup/,
  });
});

test("one flipped bit in a value is found when it is read", async (context) => {
  const { path, store } = await fresh(context);
  await store.transaction([], [{ put: "key", value: bytes("UNMISTAKABLE") }]);
  await store.close();
  const content = await readFile(path);
  let found = 0;
  for (let place = content.indexOf("UNMISTAKABLE"); place >= 0; place = content.indexOf("UNMISTAKABLE", place + 1)) {
    content[place] = 0x54;
    found += 1;
  }
  assert.ok(found >= 2, "once in the row, once in its history");
  const copy = new DatabaseSync(path);
  copy.exec("DELETE FROM event; VACUUM");
  copy.close();
  const damaged = await readFile(path);
  const place = damaged.indexOf("UNMISTAKABLE");
  damaged[place] = 0x54;
  await writeFile(path, damaged);
  const again = await SqliteMetaStore.open(path, runtime);
  context.after(() => again.close());
  await assert.rejects(again.get("key"), { kind: "DataIntegrity", message: /checksum of key key/ });
});

test("a file that may not grow refuses the write, keeps the rest and goes on", async (context) => {
  const path = join(await folder(context), "meta.db");
  const store = await SqliteMetaStore.open(path, runtime, { maximumBytes: 256 * 1024 });
  context.after(() => store.close());
  const { revision } = await store.transaction([], [{ put: "small", value: bytes("1") }]);
  const large = { put: "large", value: new Uint8Array(1024 * 1024) };
  const refused = store.transaction([], [large]);
  const together = store.transaction([], [{ put: "innocent", value: bytes("1") }]);
  await assert.rejects(refused, { kind: "ServiceDiskLimitExceeded", message: /meta\.db cannot grow/ });
  await assert.rejects(together, { kind: "ServiceDiskLimitExceeded" });
  assert.equal(await store.get("innocent"), null);
  assert.equal(await store.revision(), revision);
  assert.equal((await store.transaction([], [{ put: "small", value: bytes("2") }])).revision, revision + 1n);
});

test("history on disk stays within its limit", async (context) => {
  const path = join(await folder(context), "meta.db");
  const history = { events: 50, bytes: 1024 * 1024 };
  const store = await SqliteMetaStore.open(path, runtime, { history });
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 64 }, () => store.transaction([], [{ put: "k", value: bytes("v") }])));
  }
  await store.close();
  const database = new DatabaseSync(path);
  const events = database.prepare("SELECT count(*) AS events FROM event").get()?.["events"];
  database.close();
  assert.ok(typeof events === "number" && events >= 50 && events <= 50 + 256 + 64, `${String(events)} events`);
});

test("what a killed process was told is there, whole transactions only", async (context) => {
  const directory = await folder(context);
  const path = join(directory, "meta.db");
  const program = `
    import { SystemRuntime } from ${JSON.stringify(new URL("../base/host/system.ts", import.meta.url).href)};
    import { SqliteMetaStore } from ${JSON.stringify(new URL("./sqlite.ts", import.meta.url).href)};
    const store = await SqliteMetaStore.open(${JSON.stringify(path)}, new SystemRuntime());
    for (let count = 1; ; count++) {
      const value = new TextEncoder().encode(String(count));
      await store.transaction([], [{ put: "a", value }, { put: "b", value }]);
      process.stdout.write(count + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const chunk of child.stdout) {
    if (output === "") await assert.rejects(SqliteMetaStore.open(path, runtime), { kind: "ServiceUnavailable" });
    output += String(chunk);
    if (output.split("\n").length > 30) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const told = Number(output.split("\n").findLast((line, index, lines) => index < lines.length - 1 && line !== ""));
  assert.ok((await readdir(directory)).some((name) => name.endsWith("-wal")));
  const store = await SqliteMetaStore.open(path, runtime);
  const [first, second] = [await store.get("a"), await store.get("b")];
  assert.ok(first && second);
  assert.equal(Buffer.compare(first.value, second.value), 0);
  const count = Number(new TextDecoder().decode(first.value));
  assert.ok(count === told || count === told + 1, `told ${told}, found ${count}`);
  assert.equal(await store.revision(), BigInt(count));
  await store.close();
});
