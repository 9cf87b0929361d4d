import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { objectStoreConformance } from "./conformance.ts";
import type { MakeObjectStore } from "./conformance.ts";
import type { BeforeStep, FileStep } from "./directory-files.ts";
import { DirectoryObjectStore } from "./directory.ts";
import { ObjectExists } from "./objectstore.ts";

const runtime = new SystemRuntime();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "elanus-objects-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function allFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

const make: MakeObjectStore = async (context) => {
  const root = await folder(context);
  let store = await DirectoryObjectStore.open(root, runtime);
  const reopen = async (): Promise<DirectoryObjectStore> => {
    await store.close();
    store = await DirectoryObjectStore.open(root, runtime);
    return store;
  };
  return { store, reopen };
};

objectStoreConformance("DirectoryObjectStore", make, { isDurable: true, isOutside: true });

test("a process that dies at any step of a put leaves the old object or the new one, and no rubbish", async (context) => {
  for (const isExclusive of [false, true]) {
    const steps: FileStep[] = ["write", "sync", isExclusive ? "link" : "rename", "syncFolder"];
    for (const dying of steps) {
      const root = await folder(context);
      let isArmed = false;
      const died = Promise.withResolvers<void>();
      const buried = Promise.withResolvers<void>();
      const beforeStep: BeforeStep = (step, path) => {
        if (!isArmed || step !== dying || path === root) return;
        died.resolve();
        return buried.promise;
      };
      const store = await DirectoryObjectStore.open(root, runtime, { beforeStep });
      if (!isExclusive) await store.put("a/b/c", bytes("old"));
      isArmed = true;
      const dead = store.put("a/b/c", bytes("new!"), { ifAbsent: isExclusive });
      await died.promise;
      const again = await DirectoryObjectStore.open(root, runtime);
      const isPublished = dying === "syncFolder";
      const listed = (await again.list("")).map(({ key, bytes: size }) => [key, size]);
      const before = isExclusive ? [] : [["a/b/c", 3]];
      assert.deepEqual(listed, isPublished ? [["a/b/c", 4]] : before, `died before ${dying}`);
      assert.equal((await allFiles(root)).length, listed.length, "nothing else is left");
      // Only now, to close what it had open.
      buried.reject(systemError("EIO"));
      await assert.rejects(dead, { kind: "IoFailed" });
    }
  }
});

test("leftovers of a crash are invisible and removed at opening", async (context) => {
  const root = await folder(context);
  await mkdir(join(root, ".elanus/temporary"), { recursive: true });
  await mkdir(join(root, ".elanus/uploads/1"), { recursive: true });
  await writeFile(join(root, ".elanus/temporary/1"), "half");
  await writeFile(join(root, ".elanus/uploads/1/0-1"), "part");
  const store = await DirectoryObjectStore.open(root, runtime);
  assert.deepEqual(await store.list(""), []);
  assert.deepEqual(await allFiles(root), []);
  await store.put("a", bytes("x"));
  assert.deepEqual(await allFiles(root), [join(root, "a")]);
});

test("a full disk is told with the path, leaves nothing visible, and is no end", async (context) => {
  const root = await folder(context);
  let full: FileStep | null = null;
  const beforeStep: BeforeStep = (step) => {
    if (step === full) throw systemError("ENOSPC");
  };
  const store = await DirectoryObjectStore.open(root, runtime, { beforeStep });
  const upload = await store.multipart("m");
  await upload.uploadPart(0, bytes("part"));
  for (const step of ["write", "sync", "rename"] as const) {
    full = step;
    const expected = (error: { kind: string; message: string }): boolean => {
      assert.equal(error.kind, "ServiceDiskLimitExceeded");
      assert.ok(error.message.includes(root), error.message);
      return true;
    };
    await assert.rejects(store.put("a", [bytes("x"), bytes("y")]), expected);
    await assert.rejects(upload.complete(), expected);
    assert.deepEqual(await store.list(""), []);
    assert.equal((await allFiles(root)).length, 1, "only the part of the upload is left");
  }
  full = null;
  await store.put("a", bytes("x"));
  await upload.complete();
  assert.deepEqual(
    (await store.list("")).map(({ key }) => key),
    ["a", "m"],
  );
});

test("every put syncs its file, its folder, and the folders that it made", async (context) => {
  const root = await folder(context);
  const steps: string[] = [];
  const beforeStep: BeforeStep = (step, path) => {
    steps.push(`${step} ${path.slice(root.length).replace(/[0-9a-f]{24}/, "1")}`);
  };
  const store = await DirectoryObjectStore.open(join(root, "x/y"), runtime, { beforeStep });
  assert.deepEqual(steps.splice(0), ["syncFolder /x/y", "syncFolder /x", "syncFolder "]);
  await store.put("a/b/c", bytes("1"));
  assert.deepEqual(steps.splice(0), [
    "write /x/y/.elanus/temporary/1",
    "sync /x/y/.elanus/temporary/1",
    "rename /x/y/a/b/c",
    "syncFolder /x/y",
    "syncFolder /x/y/a",
    "syncFolder /x/y/a/b",
  ]);
  await store.put("a/b/d", bytes("1"), { ifAbsent: true });
  assert.deepEqual(steps.splice(0).slice(2), ["link /x/y/a/b/d", "syncFolder /x/y/a/b"]);
  await store.delete(["a/b/c", "a/b/d"]);
  await store.put("a/b/c", bytes("1"));
  assert.deepEqual(steps.splice(0).slice(-3), ["syncFolder /x/y", "syncFolder /x/y/a", "syncFolder /x/y/a/b"]);
});

test("deleting removes folders that become empty, and no others", async (context) => {
  const root = await folder(context);
  const store = await DirectoryObjectStore.open(root, runtime);
  for (const key of ["a/b/c/1", "a/b/c/2", "a/d"]) await store.put(key, bytes("x"));
  await store.delete(["a/b/c/1"]);
  assert.deepEqual(await readdir(join(root, "a/b/c")), ["2"]);
  await store.delete(["a/b/c/2"]);
  assert.deepEqual(await readdir(join(root, "a")), ["d"]);
  await store.delete(["a/d"]);
  assert.deepEqual(await readdir(root), [".elanus"]);
});

test("an object that would be a folder of another is refused", async (context) => {
  const store = await DirectoryObjectStore.open(await folder(context), runtime);
  await store.put("a/b", bytes("x"));
  for (const ifAbsent of [false, true]) {
    for (const key of ["a", "a/b/c", "a/b/c/d"]) {
      await assert.rejects(
        store.put(key, bytes("y"), { ifAbsent }),
        { kind: "ParameterInvalid", message: /folder/ },
        key,
      );
    }
  }
  assert.equal(await store.head("a"), null);
});

test("two stores on one directory cannot both put what was absent", async (context) => {
  const root = await folder(context);
  let waiting = 0;
  const both = Promise.withResolvers<void>();
  const beforeStep: BeforeStep = (step) => {
    if (step !== "link") return;
    waiting += 1;
    if (waiting === 2) both.resolve();
    return both.promise;
  };
  const stores = [
    await DirectoryObjectStore.open(root, runtime, { beforeStep }),
    await DirectoryObjectStore.open(root, runtime, { beforeStep }),
  ];
  const outcomes = await Promise.allSettled(stores.map((store) => store.put("k", bytes("1"), { ifAbsent: true })));
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(refused.length, 1);
  assert.ok(refused[0]?.reason instanceof ObjectExists);
});

test("a path that is a file is refused", async (context) => {
  const root = await folder(context);
  await writeFile(join(root, "file"), "x");
  for (const path of ["file", "file/below"]) {
    await assert.rejects(DirectoryObjectStore.open(join(root, path), runtime), {
      kind: "IoInvalidArgument",
      message: /file/,
    });
  }
});

test("a folder without permission is told with its path", async (context) => {
  const root = await folder(context);
  const uid = process.getuid?.() === 0 ? 65_534 : undefined;
  const closed = join(root, "closed");
  await mkdir(closed);
  await chmod(root, 0o755);
  if (uid !== undefined) await chown(closed, uid, uid);
  await chmod(closed, 0o500);
  // Root may do everything, so that somebody else must try.
  const program = `
    process.umask(0o022);
    if (${uid ?? -1} >= 0) process.setuid(${uid ?? 0});
    const failure = await DirectoryObjectStore.open(${JSON.stringify(closed)}, new SystemRuntime()).catch((error) => error);
    console.log(JSON.stringify({ kind: failure.kind, text: failure.message }));`;
  const imports = `
    import { SystemRuntime } from ${JSON.stringify(new URL("../base/host/system.ts", import.meta.url).href)};
    import { DirectoryObjectStore } from ${JSON.stringify(new URL("./directory.ts", import.meta.url).href)};`;
  const result = spawnSync(process.execPath, ["--input-type=module", "--no-warnings", "-e", imports + program], {
    encoding: "utf8",
  });
  const failure = JSON.parse(result.stdout) as { readonly kind: string; readonly text: string };
  assert.equal(failure.kind, "IoPermissionDenied", result.stderr);
  assert.ok(failure.text.includes(closed), failure.text);
});
