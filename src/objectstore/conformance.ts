/**
 * The contract of `ObjectStore` as tests: every implementation runs all of them.
 *
 * `make` hands out an empty store for one test; a durable one also says how to `reopen` it (close and open again on the same data).
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { compareUtf8 } from "../base/utf8-order.ts";
import { ObjectChanged, ObjectExists, ObjectNotFound } from "./objectstore.ts";
import type { ObjectStore } from "./objectstore.ts";

export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  readonly reopen?: () => Promise<ObjectStore>;
}

export type MakeObjectStore = (context: TestContext) => Promise<ObjectStoreUnderTest>;

export interface ObjectStoreTraits {
  readonly isDurable: boolean;
  /** Large objects cost no memory of this process. */
  readonly isOutside: boolean;
}

const runtime = new SystemRuntime();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = async (store: ObjectStore, key: string): Promise<string> => new TextDecoder().decode(await store.get(key));
const keysOf = async (store: ObjectStore, prefix = ""): Promise<string[]> =>
  (await store.list(prefix)).map(({ key }) => key);

export function objectStoreConformance(name: string, make: MakeObjectStore, traits: ObjectStoreTraits): void {
  describe(`${name} keeps the contract of ObjectStore`, () => {
    objectTests(make);
    conditionTests(make);
    listTests(make);
    multipartTests(make);
    if (traits.isOutside) largeObjectTest(make);
    if (traits.isDurable) durabilityTests(make);
  });
}

function objectTests(make: MakeObjectStore): void {
  test("an object is put, read, described and deleted", async (context) => {
    const { store } = await make(context);
    assert.equal(await store.head("a/b"), null);
    await assert.rejects(store.get("a/b"), ObjectNotFound);
    const started = runtime.now();
    const info = await store.put("a/b", bytes("hello"));
    assert.deepEqual([info.key, info.bytes], ["a/b", 5]);
    assert.ok(Math.abs(info.modifiedMilliseconds - started) < 60_000);
    assert.deepEqual(await store.head("a/b"), info);
    assert.deepEqual(await store.list(""), [info]);
    assert.equal(await read(store, "a/b"), "hello");
    await store.delete(["a/b"]);
    assert.equal(await store.head("a/b"), null);
    await assert.rejects(store.get("a/b"), ObjectNotFound);
    assert.deepEqual(await store.list(""), []);
  });

  test("bodies of no bytes, of many chunks and of some MiB come back whole", async (context) => {
    const { store } = await make(context);
    const large = runtime.randomBytes(5 * 1024 * 1024 + 1);
    await store.put("empty", new Uint8Array(0));
    await store.put("none", []);
    await store.put("chunks", [bytes("a"), new Uint8Array(0), bytes("bc"), bytes("d")]);
    await store.put("large", large);
    assert.equal((await store.get("empty")).byteLength, 0);
    assert.equal((await store.head("none"))?.bytes, 0);
    assert.equal(await read(store, "chunks"), "abcd");
    assert.equal(Buffer.compare(await store.get("large"), large), 0);
  });

  test("ranges are cut at the end, and nonsense is refused", async (context) => {
    const { store } = await make(context);
    await store.put("r", bytes("0123456789"));
    const part = async (start: number, end: number): Promise<string> =>
      new TextDecoder().decode(await store.get("r", { start, end }));
    assert.equal(await part(0, 10), "0123456789");
    assert.equal(await part(3, 5), "34");
    assert.equal(await part(9, 10), "9");
    assert.equal(await part(8, 1000), "89");
    assert.equal(await part(4, 4), "");
    assert.equal(await part(10, 20), "");
    assert.equal(await part(500, 600), "");
    for (const [start, end] of [
      [-1, 2],
      [5, 4],
      [0.5, 2],
      [0, Number.NaN],
    ] as const) {
      await assert.rejects(store.get("r", { start, end }), { kind: "ParameterInvalid" });
    }
  });

  test("an overwrite is seen at once, by everybody, and changes the etag", async (context) => {
    const { store } = await make(context);
    const etags = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const { etag } = await store.put("o", bytes(String(round).padStart(4)));
      etags.add(etag);
      assert.equal(await read(store, "o"), String(round).padStart(4));
      assert.equal((await store.head("o"))?.etag, etag);
    }
    assert.equal(etags.size, 20, "though all were of one size");
  });

  test("a reader gets one version whole while writers overwrite", async (context) => {
    const { store } = await make(context);
    const versions = ["a", "b"].map((letter) => bytes(letter.repeat(300_000)));
    await store.put("v", versions[0] ?? []);
    const writer = (async () => {
      for (let round = 0; round < 20; round++) await store.put("v", versions[round % 2] ?? []);
    })();
    for (let round = 0; round < 20; round++) {
      const body = await store.get("v");
      assert.equal(body.byteLength, 300_000);
      assert.ok(body.every((byte) => byte === body[0]));
    }
    await writer;
  });

  test("the caller's buffers are his own again, and a reader's copy too", async (context) => {
    const { store } = await make(context);
    const body = Buffer.from("abc");
    await store.put("a", body);
    body.fill(0);
    (await store.get("a")).fill(0);
    assert.equal(await read(store, "a"), "abc");
  });

  test("deleting what is not there, or twice, or nothing succeeds", async (context) => {
    const { store } = await make(context);
    await store.delete([]);
    await store.delete(["missing", "missing/deeper", "a"]);
    await store.put("a/b/c", bytes("1"));
    await store.put("a/d", bytes("2"));
    await store.delete(["a/b/c", "a/b/c", "a/b", "a", "a/d/e"]);
    assert.deepEqual(await keysOf(store), ["a/d"]);
    await store.put("a/b/c", bytes("3"));
    assert.equal(await read(store, "a/b/c"), "3");
  });

  test("many objects come and go in one folder at the same time", async (context) => {
    const { store } = await make(context);
    const worker = async (_: unknown, number: number): Promise<void> => {
      for (let round = 0; round < 5; round++) {
        await store.put(`busy/${round}/${number}`, bytes("x"));
        await store.delete([`busy/${round}/${number}`]);
      }
      await store.put(`busy/last/${number}`, bytes("y"));
    };
    await Promise.all(Array.from({ length: 10 }, worker));
    assert.equal((await keysOf(store)).length, 10);
  });

  test("keys that no store should take are refused everywhere", async (context) => {
    const { store } = await make(context);
    const wrong = [
      "",
      "/a",
      "a/",
      "a//b",
      "./a",
      "a/..",
      "../a",
      "a/./b",
      "a\0b",
      "\ud800",
      ".elanus/a",
      "n".repeat(300),
    ];
    for (const key of wrong) {
      await assert.rejects(store.put(key, bytes("x")), { kind: "ParameterInvalid" }, key);
      await assert.rejects(store.get(key), { kind: "ParameterInvalid" }, key);
      await assert.rejects(store.head(key), { kind: "ParameterInvalid" }, key);
      await assert.rejects(store.multipart(key), { kind: "ParameterInvalid" }, key);
      await assert.rejects(store.delete([key]), { kind: "ParameterInvalid" }, key);
    }
    assert.deepEqual(await store.list(""), []);
  });

  test("a closed store refuses, and closing again is fine", async (context) => {
    const { store } = await make(context);
    await store.put("a", bytes("x"));
    await store.close();
    await store.close();
    await assert.rejects(store.get("a"), { kind: "ServiceUnavailable" });
    await assert.rejects(store.put("a", bytes("y")), { kind: "ServiceUnavailable" });
    await assert.rejects(store.list(""), { kind: "ServiceUnavailable" });
  });
}

function conditionTests(make: MakeObjectStore): void {
  test("of many that put one absent object exactly one wins", async (context) => {
    const { store } = await make(context);
    for (let round = 0; round < 5; round++) {
      const key = `race/${round}`;
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, racer) => store.put(key, bytes(`racer ${racer}`), { ifAbsent: true })),
      );
      const winners = outcomes.flatMap((outcome, racer) => (outcome.status === "fulfilled" ? [racer] : []));
      assert.equal(winners.length, 1);
      for (const outcome of outcomes)
        if (outcome.status === "rejected") assert.ok(outcome.reason instanceof ObjectExists);
      assert.equal(await read(store, key), `racer ${winners[0]}`);
    }
    await store.delete(["race/0"]);
    await store.put("race/0", bytes("again"), { ifAbsent: true });
    assert.equal(await read(store, "race/0"), "again");
  });

  test("ifMatch replaces what it names and nothing else", async (context) => {
    const { store } = await make(context);
    await assert.rejects(store.put("m", bytes("x"), { ifMatch: "anything" }), ObjectChanged);
    const first = await store.put("m", bytes("1"));
    const second = await store.put("m", bytes("2"), { ifMatch: first.etag });
    await assert.rejects(store.put("m", bytes("3"), { ifMatch: first.etag }), ObjectChanged);
    assert.equal(await read(store, "m"), "2");
    await store.delete(["m"]);
    await assert.rejects(store.put("m", bytes("3"), { ifMatch: second.etag }), ObjectChanged);
    await assert.rejects(store.put("m", bytes("3"), { ifMatch: second.etag, ifAbsent: true }), {
      kind: "ParameterInvalid",
    });
    assert.equal(await store.head("m"), null);
  });

  test("increments by ifMatch under contention are never lost", async (context) => {
    const { store } = await make(context);
    await store.put("n", bytes("0"));
    const increment = async (): Promise<void> => {
      for (;;) {
        const info = await store.head("n");
        const value = Number(await read(store, "n"));
        try {
          await store.put("n", bytes(String(value + 1)), { ifMatch: info?.etag ?? "" });
          return;
        } catch (error) {
          assert.ok(error instanceof ObjectChanged);
        }
      }
    };
    await Promise.all(
      Array.from({ length: 4 }, async () => void (await increment(), await increment(), await increment())),
    );
    assert.equal(await read(store, "n"), "12");
  });
}

function listTests(make: MakeObjectStore): void {
  const keys = [
    "a-b",
    "a/b",
    "a/b-c",
    "a/b.d",
    "a0",
    "a/é",
    "a/\u{ffff}",
    "a/\u{10000}",
    "a/ space",
    "a/%41",
    "a/A",
    "a/?*[x]",
    "a/q\"'\\",
    "a/日本/語",
    "b",
    "a/.hidden",
    "a/~",
    "a/b c/d",
  ];

  test("keys are in the order of their UTF-8 bytes, over nested folders", async (context) => {
    const { store } = await make(context);
    for (const key of keys) await store.put(key, bytes(key));
    assert.deepEqual(await keysOf(store), keys.toSorted(compareUtf8));
    for (const key of keys) assert.equal(await read(store, key), key);
    for (const prefix of [
      "a",
      "a/",
      "a/b",
      "a/b ",
      "a/日",
      "a/日本/",
      "b",
      "c",
      "a/b/",
      "%",
      ".",
      "..",
      "../",
      "/",
      "a//",
      ".elanus/",
    ]) {
      const expected = keys.filter((key) => key.startsWith(prefix)).toSorted(compareUtf8);
      assert.deepEqual(await keysOf(store, prefix), expected, `under ${prefix}`);
    }
  });

  test("pages of every size join to the whole listing", async (context) => {
    const { store } = await make(context);
    await Promise.all(keys.map((key) => store.put(key, bytes("x"))));
    const whole = await keysOf(store, "a");
    for (const limit of [1, 2, 5, whole.length - 1, whole.length, 1000]) {
      const found: string[] = [];
      for (let after: string | undefined; ; after = found.at(-1)) {
        const page = await store.list("a", after === undefined ? { limit } : { limit, after });
        assert.ok(page.length <= limit);
        found.push(...page.map(({ key }) => key));
        if (page.length < limit) break;
      }
      assert.deepEqual(found, whole);
    }
    for (const after of ["", "A", "a/", "a/b/x", "a/b c", "a/b c/", "a/zzz", "a0", "zzz"]) {
      const expected = keys.filter((key) => compareUtf8(key, after) > 0).toSorted(compareUtf8);
      assert.deepEqual(
        (await store.list("", { after })).map(({ key }) => key),
        expected,
        `after ${after}`,
      );
    }
    await assert.rejects(store.list("", { limit: 0 }), { kind: "ParameterInvalid" });
  });

  test("a listing shows every put and every deletion that resolved before", async (context) => {
    const { store } = await make(context);
    const expected: string[] = [];
    for (let count = 0; count < 12; count++) {
      await store.put(`l/${count % 3}/${count}`, bytes("x"));
      expected.push(`l/${count % 3}/${count}`);
      if (count % 4 === 3) await store.delete(expected.splice(0, 1));
      assert.deepEqual(await keysOf(store, "l/"), expected.toSorted(compareUtf8));
    }
  });
}

function multipartTests(make: MakeObjectStore): void {
  test("parts that come in parallel and in any order make one object", async (context) => {
    const { store } = await make(context);
    const upload = await store.multipart("m/whole");
    const parts = Array.from({ length: 7 }, (_, number) => runtime.randomBytes(200_000 + number));
    await Promise.all(parts.map((part, number) => upload.uploadPart(number, part)).toReversed());
    assert.equal(await store.head("m/whole"), null, "invisible until it is complete");
    assert.deepEqual(await store.list(""), []);
    const info = await upload.complete();
    assert.deepEqual(await store.list(""), [info]);
    assert.equal(Buffer.compare(await store.get("m/whole"), Buffer.concat(parts)), 0);
    await upload.abort();
    assert.deepEqual(await store.head("m/whole"), info, "aborting afterwards changes nothing");
  });

  test("sending a number again replaces that part", async (context) => {
    const { store } = await make(context);
    const upload = await store.multipart("m");
    await upload.uploadPart(1, bytes("WORLD"));
    await upload.uploadPart(0, bytes("wrong and longer"));
    await upload.uploadPart(0, bytes("hello "));
    await upload.complete();
    assert.equal(await read(store, "m"), "hello WORLD");
  });

  test("an aborted upload leaves nothing and takes nothing more", async (context) => {
    const { store } = await make(context);
    await store.put("m", bytes("before"));
    const upload = await store.multipart("m");
    await upload.uploadPart(0, bytes("never seen"));
    await upload.abort();
    await upload.abort();
    assert.equal(await read(store, "m"), "before");
    await assert.rejects(upload.uploadPart(1, bytes("x")), { kind: "ParameterInvalid" });
    await assert.rejects(upload.complete(), { kind: "ParameterInvalid" });
    assert.deepEqual(await keysOf(store), ["m"]);
  });

  test("an upload with a gap is refused and can still be mended", async (context) => {
    const { store } = await make(context);
    const upload = await store.multipart("m");
    await assert.rejects(upload.complete(), { kind: "ParameterInvalid", message: /no parts/ });
    await upload.uploadPart(0, bytes("a"));
    await upload.uploadPart(2, bytes("c"));
    await assert.rejects(upload.complete(), { kind: "ParameterInvalid", message: /lacks part 1/ });
    assert.equal(await store.head("m"), null);
    await assert.rejects(upload.uploadPart(-1, bytes("x")), { kind: "ParameterInvalid" });
    await upload.uploadPart(1, bytes("b"));
    await upload.complete();
    assert.equal(await read(store, "m"), "abc");
  });

  test("two uploads of one key do not mix; the last to complete stays", async (context) => {
    const { store } = await make(context);
    const [first, second] = [await store.multipart("m"), await store.multipart("m")];
    await Promise.all([
      first.uploadPart(0, bytes("1")),
      second.uploadPart(0, bytes("2")),
      first.uploadPart(1, bytes("1")),
      second.uploadPart(1, bytes("2")),
    ]);
    await second.complete();
    assert.equal(await read(store, "m"), "22");
    await first.complete();
    assert.equal(await read(store, "m"), "11");
  });
}

function largeObjectTest(make: MakeObjectStore): void {
  test("a large object is uploaded and read in pieces within little memory", async (context) => {
    const { store } = await make(context);
    const part = runtime.randomBytes(2 * 1024 * 1024);
    const count = 24;
    const upload = await store.multipart("large");
    for (let number = 0; number < count; number++) {
      part[0] = number;
      await upload.uploadPart(number, part);
    }
    const before = process.memoryUsage().arrayBuffers;
    let peak = before;
    const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 1);
    const { bytes: size } = await upload.complete();
    clearInterval(sampler);
    assert.equal(size, count * part.byteLength);
    assert.ok(peak - before < 12 * 1024 * 1024, `completing took ${peak - before} bytes`);
    for (const number of [0, 11, count - 1]) {
      const start = number * part.byteLength;
      part[0] = number;
      assert.equal(Buffer.compare(await store.get("large", { start, end: start + part.byteLength }), part), 0);
    }
  });
}

function durabilityTests(make: MakeObjectStore): void {
  test("after a restart the objects are the same and unfinished uploads are gone", async (context) => {
    const { store, reopen } = await make(context);
    assert.ok(reopen, "a durable store can be opened again");
    await store.put("a/b/c", bytes("1"));
    const { etag } = await store.put("a/d", bytes("2"));
    const upload = await store.multipart("a/e");
    await upload.uploadPart(0, bytes("lost"));
    const listed = await store.list("");
    const again = await reopen();
    assert.deepEqual(await again.list(""), listed);
    assert.equal(await read(again, "a/b/c"), "1");
    await again.put("a/d", bytes("3"), { ifMatch: etag });
    await assert.rejects(again.put("a/d", bytes("4"), { ifMatch: etag }), ObjectChanged);
  });
}
