import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { patternBytes } from "../conformance/records-of.ts";
import { inspectJournal, type InspectedRecord } from "./inspect.ts";
import { Journal } from "./journal.ts";

const directories: string[] = [];
after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

async function written(): Promise<{ directory: string; positions: bigint[] }> {
  const directory = await mkdtemp(join(tmpdir(), "elanus-inspect-"));
  directories.push(directory);
  const journal = await Journal.open(directory, { runtime: new SystemRuntime(), fileBytes: 8 * 1024 });
  const [one, two] = [await journal.open("one", 1n), await journal.open("two", 5n)];
  const positions: bigint[] = [];
  for (let index = 0; index < 20; index++) {
    positions.push(await one.append([patternBytes(1000, index)]), await two.append([patternBytes(10, index)]));
  }
  await journal.truncate("two", positions[1] as bigint);
  await journal.close();
  return { directory, positions };
}

async function all(directory: string): Promise<InspectedRecord[]> {
  const records: InspectedRecord[] = [];
  for await (const record of inspectJournal(directory)) records.push(record);
  return records;
}

test("lists files, channels, fences, records, truncations and the orderly end, and changes nothing", async () => {
  const { directory, positions } = await written();
  const before = await contents(directory);
  const records = await all(directory);
  assert.deepEqual(await contents(directory), before);
  assert.ok(records.every((record) => record.ok));
  const data = records.filter((record) => record.kind === "data");
  assert.deepEqual(
    data.map((record) => [record.position, record.channel, record.term, record.bytes]),
    positions.map((position, index) => [
      position,
      index % 2 === 0 ? "one" : "two",
      index % 2 === 0 ? 1n : 5n,
      index % 2 === 0 ? 1000 : 10,
    ]),
  );
  const kinds = records.map((record) => record.kind);
  for (const kind of ["file", "opening", "fence", "truncation", "close"])
    assert.ok(kinds.includes(kind as never), kind);
});

test("reports damage and goes on behind it", async () => {
  const { directory, positions } = await written();
  const whole = await all(directory);
  const harmed = whole.find((record) => record.position === positions[4]) as InspectedRecord;
  const bytes = await readFile(harmed.file);
  bytes[harmed.offset + 100] = (bytes[harmed.offset + 100] as number) ^ 1;
  await writeFile(harmed.file, bytes);
  const records = await all(directory);
  assert.equal(records.length, whole.length);
  const [damage, ...others] = records.filter((record) => !record.ok);
  assert.equal(others.length, 0);
  assert.equal(damage?.kind, "damage");
  assert.equal(damage?.offset, harmed.offset);
  assert.equal(damage?.bytes, 1040);
  assert.match(damage?.problem ?? "", /checksum/);
});

test("reports a damaged file header and a missing file", async () => {
  const { directory } = await written();
  const names = (await readdir(directory)).toSorted();
  const headless = join(directory, names[0] as string);
  const bytes = await readFile(headless);
  bytes[20] = 0xff;
  await writeFile(headless, bytes);
  const problems = (await all(directory)).filter((record) => !record.ok);
  assert.deepEqual(
    problems.map((record) => [record.file, record.kind]),
    [[headless, "damage"]],
  );
  const missing = join(directory, names[1] as string);
  await rm(missing);
  const more = (await all(directory)).filter((record) => !record.ok);
  assert.deepEqual(
    more.map((record) => [record.file, record.problem]),
    [
      [headless, "the checksum of the file header does not match"],
      [missing, "the file is missing"],
    ],
  );
});

async function contents(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).toSorted();
  return Promise.all(names.map(async (name) => `${name} ${(await readFile(join(directory, name))).toString("hex")}`));
}
