/** Damaged files: refused by name, with nothing changed and nothing else harmed; never a silently shorter answer. */

import assert from "node:assert/strict";
import { cpSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { crc32 } from "node:zlib";
import { Engine } from "../../src/engine/engine.ts";
import {
  closeAfter,
  deleteRows,
  eventually,
  filesBelow,
  flush,
  folder,
  insertRows,
  load,
  makeCollection,
  nearest,
  range,
  readIds,
  refusal,
} from "./collection.ts";

const ROWS = 200;

async function opened(context: TestContext, directory: string): Promise<Engine> {
  const engine = await Engine.open({ directory });
  closeAfter(context, engine);
  return engine;
}

/** Two collections with flushed rows and deletes; the first one's files are the ones that get damaged. */
async function filled(context: TestContext): Promise<{ directory: string; files: string[] }> {
  const directory = folder(context);
  const engine = await Engine.open({ directory });
  await makeCollection(engine, "good");
  await insertRows(engine, "good", 0, ROWS);
  await flush(engine, "good");
  const before = new Set(filesBelow(join(directory, "objects")));
  await makeCollection(engine, "bad");
  await insertRows(engine, "bad", 0, ROWS);
  await flush(engine, "bad");
  await deleteRows(engine, "bad", "id in [3, 5]");
  await insertRows(engine, "good", ROWS, 10);
  await flush(engine, "bad");
  const files = filesBelow(join(directory, "objects")).filter(
    (file) => !before.has(file) && !file.startsWith(".elanus"),
  );
  await engine.close();
  return { directory, files: files.map((file) => join("objects", file)) };
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset < 0 ? bytes.length + offset : offset]! ^= 0x10;
  writeFileSync(path, bytes);
}

/** The collection does not load, says which file and why, and answers nothing; the other one works. */
async function refusesOnlyBad(context: TestContext, directory: string, file: string, code: number): Promise<void> {
  const engine = await opened(context, directory);
  const target = { databaseName: "", collectionName: "bad" };
  let message = "";
  await eventually(async () => {
    const error = await engine.proxy.loadProgress(target, []).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error === null) return false;
    const refused = await refusal(Promise.reject(error));
    assert.equal(refused.code, code, refused.message);
    message = refused.message;
    return true;
  }, "the load fails");
  const key = file.slice("objects/".length);
  assert.ok(message.includes(key), `${message} names ${key}`);
  for (const read of [readIds(engine, "bad"), nearest(engine, "bad", 7)]) {
    const { message: text } = await refusal(read);
    assert.ok(text.includes(key) || /not (fully )?loaded/.test(text), text);
  }
  await load(engine, "good");
  assert.deepEqual(await readIds(engine, "good"), range(0, ROWS + 10));
  await insertRows(engine, "good", 10_000, 1);
  assert.equal(await nearest(engine, "good", 10_000), 10_000);
  // Nothing is thrown away: what was damaged is there for whoever can mend it.
  assert.ok(statSync(join(directory, file)).isFile() || code === 1000);
}

const DAMAGES: readonly {
  readonly name: string;
  readonly picks: (file: string) => boolean;
  readonly damage: (path: string) => void;
  readonly code: number;
}[] = [
  {
    name: "a flipped byte in a manifest",
    picks: (file) => /insert_log.*manifest/.test(file) && !file.includes("/-1/"),
    damage: (path) => flip(path, 100),
    code: 1009,
  },
  {
    name: "a cut manifest",
    picks: (file) => /insert_log.*manifest/.test(file) && !file.includes("/-1/"),
    damage: (path) => truncateSync(path, 80),
    code: 1009,
  },
  {
    name: "a flipped byte in a column of vectors",
    picks: (file) => /insert_log\/.*\/102\/\d+$/.test(file),
    damage: (path) => flip(path, Math.floor(statSync(path).size / 2)),
    code: 1009,
  },
  {
    name: "a flipped byte in the narrow columns",
    picks: (file) => /insert_log\/.*\/0\/\d+$/.test(file),
    damage: (path) => flip(path, Math.floor(statSync(path).size / 2)),
    code: 1009,
  },
  {
    name: "a flipped byte in the deletes",
    picks: (file) => file.includes("delta_log"),
    damage: (path) => flip(path, 20),
    code: 1009,
  },
  {
    name: "an empty file of columns",
    picks: (file) => /insert_log\/.*\/102\/\d+$/.test(file),
    damage: (path) => truncateSync(path, 0),
    code: 1009,
  },
];

for (const { name, picks, damage, code } of DAMAGES) {
  test(`${name}: the load names the file, the process lives, the rest works`, async (context) => {
    const { directory, files } = await filled(context);
    const file = files.find(picks);
    assert.ok(file !== undefined, files.join("\n"));
    damage(join(directory, file));
    await refusesOnlyBad(context, directory, file, code);
  });
}

test("a missing file: the load says which; when it is back, the next load has every row", async (context) => {
  const { directory, files } = await filled(context);
  const file = files.find((candidate) => /insert_log\/.*\/102\/\d+$/.test(candidate))!;
  const path = join(directory, file);
  renameSync(path, `${directory}/aside`);
  const engine = await opened(context, directory);
  const target = { databaseName: "", collectionName: "bad" };
  const isRefused = async (): Promise<boolean> =>
    engine.proxy.loadProgress(target, []).then(
      () => false,
      (error: Error) => error.message.includes(file.slice("objects/".length)),
    );
  await eventually(isRefused, "the load fails");
  await refusal(readIds(engine, "bad"));
  renameSync(`${directory}/aside`, path);
  await load(engine, "bad");
  const expected = range(0, ROWS).filter((id) => id !== 3 && id !== 5);
  assert.deepEqual(await readIds(engine, "bad"), expected);
});

test("a manifest that needs an unknown feature is refused by its name", async (context) => {
  const { directory, files } = await filled(context);
  const file = files.find((candidate) => /insert_log.*manifest/.test(candidate) && !candidate.includes("/-1/"))!;
  const path = join(directory, file);
  const text = readFileSync(path, "utf8");
  const body = text.slice(text.indexOf('"manifest":') + '"manifest":'.length, -1);
  const changed = body.replace('"features":[]', '"features":["time-travel"]');
  assert.notEqual(changed, body);
  const checksum = crc32(changed).toString(16).padStart(8, "0");
  writeFileSync(path, `{"magic":"elanus-segment","crc32":"${checksum}","manifest":${changed}}`);
  const engine = await opened(context, directory);
  const target = { databaseName: "", collectionName: "bad" };
  const isRefused = async (): Promise<boolean> =>
    engine.proxy.loadProgress(target, []).then(
      () => false,
      (error: Error) => /time-travel/.test(error.message) && /newer/.test(error.message),
    );
  await eventually(isRefused, "the load fails and names the feature");
});

/** Opens nothing, changes nothing, and opens again once the file is what it was. */
async function refusesWhole(
  context: TestContext,
  directory: string,
  file: string,
  damage: (bytes: Buffer) => void,
  expected: { readonly code: number; readonly texts: readonly RegExp[] },
): Promise<void> {
  const path = join(directory, file);
  const original = readFileSync(path);
  const damaged = Buffer.from(original);
  damage(damaged);
  writeFileSync(path, damaged);
  const { code, message } = await refusal(Engine.open({ directory }));
  assert.equal(code, expected.code, message);
  assert.ok(message.includes(path), `${message} names ${path}`);
  for (const text of expected.texts) assert.match(message, text);
  assert.deepEqual(readFileSync(path), damaged, "what is damaged is left as it is");
  await refusal(Engine.open({ directory }));
  writeFileSync(path, original);
  const engine = await opened(context, directory);
  await load(engine, "good");
  assert.deepEqual(await readIds(engine, "good"), range(0, ROWS + 10));
}

const JOURNAL = "wal/0000000000000001.journal";

test("damage inside the journal: the open names file and offset and says what to do", async (context) => {
  const { directory } = await filled(context);
  await refusesWhole(context, directory, JOURNAL, (bytes) => (bytes[lastData(bytes) - 3000]! ^= 1), {
    code: 1009,
    texts: [/offset|byte/, /backup|restore/],
  });
});

test("a journal with an unknown feature is refused by its flags", async (context) => {
  const { directory } = await filled(context);
  const damage = (bytes: Buffer): void => {
    bytes.writeUInt32LE(0x40, 12);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  };
  await refusesWhole(context, directory, JOURNAL, damage, { code: 1001, texts: [/feature flags 0x40/, /newer/] });
});

test("a torn end of the journal is cut off in silence, and everything before it is there", async (context) => {
  const directory = folder(context);
  const engine = await Engine.open({ directory });
  await makeCollection(engine, "one");
  await insertRows(engine, "one", 0, ROWS);
  // As a crash leaves it: the copy has no orderly end.
  const copy = folder(context);

  cpSync(directory, copy, { recursive: true });
  await engine.close();
  const path = join(copy, JOURNAL);
  const bytes = readFileSync(path);
  const end = lastData(bytes);
  // The beginning of a record that never got further.
  bytes.copy(bytes, (end + 8) & ~7, end - 2000, end - 1500);
  writeFileSync(path, bytes);
  const again = await opened(context, copy);
  await load(again, "one");
  const there = await readIds(again, "one");
  assert.deepEqual(there, range(0, ROWS));
  await insertRows(again, "one", ROWS, 5);
  assert.equal((await readIds(again, "one")).length, ROWS + 5);
});

test("a damaged meta.db is refused by name and says what to do", async (context) => {
  const { directory } = await filled(context);
  await refusesWhole(context, directory, "meta.db", (bytes) => bytes.fill(0xa5, 4096, 4096 * 3), {
    code: 1009,
    texts: [/restore|backup/],
  });
});

test("something else in the place of meta.db is refused and left alone", async (context) => {
  const { directory } = await filled(context);
  await refusesWhole(
    context,
    directory,
    "meta.db",
    (bytes) => bytes.write("this is a letter to my aunt, no database"),
    {
      code: 1009,
      texts: [/not a database|another program|damaged/],
    },
  );
});

test("metadata of an unknown format or feature are refused by name", async (context) => {
  const { directory } = await filled(context);
  const path = join(directory, "meta.db");
  const change = (statement: string): void => {
    const database = new DatabaseSync(path);
    database.exec(statement);
    database.close();
  };
  for (const [forth, back, text] of [
    [
      "INSERT INTO format VALUES ('feature:time-travel', '1')",
      "DELETE FROM format WHERE name LIKE 'feature:%'",
      /time-travel/,
    ],
    [
      "UPDATE format SET value = '9' WHERE name = 'version'",
      "UPDATE format SET value = '1' WHERE name = 'version'",
      /version 9/,
    ],
  ] as const) {
    change(forth);
    const { message, code } = await refusal(Engine.open({ directory }));
    assert.match(message, text);
    assert.ok(message.includes(path) && /newer program/.test(message), message);
    assert.notEqual(code, 65535);
    change(back);
  }
  const engine = await opened(context, directory);
  await load(engine, "good");
  assert.equal((await readIds(engine, "good")).length, ROWS + 10);
});

/** Where the bytes of the journal end that are not zero. */
function lastData(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}
