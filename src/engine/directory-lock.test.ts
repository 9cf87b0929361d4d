import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { SystemRuntime } from "../base/host/system.ts";
import { lockDirectory } from "./directory-lock.ts";

const runtime = new SystemRuntime();

const IMPORTS = `
  import { SystemRuntime } from ${JSON.stringify(new URL("../base/host/system.ts", import.meta.url).href)};
  import { lockDirectory } from ${JSON.stringify(new URL("./directory-lock.ts", import.meta.url).href)};
  const attempt = (path) => {
    try {
      globalThis.lock = lockDirectory(path, new SystemRuntime());
      return { kind: "locked", text: "" };
    } catch (error) {
      return { kind: error.kind ?? error.name, text: error.message };
    }
  };
`;

interface Attempt {
  readonly kind: string;
  readonly text: string;
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "elanus-lock-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function inProcess(path: string, before = ""): Attempt {
  const program = `${IMPORTS} ${before}; console.log(JSON.stringify(attempt(${JSON.stringify(path)})));`;
  const result = spawnSync(process.execPath, ["--input-type=module", "--no-warnings", "-e", program], {
    encoding: "utf8",
  });
  assert.notEqual(result.stdout, "", result.stderr);
  return JSON.parse(result.stdout) as Attempt;
}

function assertRefused(attempt: Attempt, path: string, pid: number | undefined): void {
  assert.equal(attempt.kind, "ServiceUnavailable", attempt.text);
  for (const part of [path, String(pid), hostname(), "stop that process", "as a client", "another directory"]) {
    assert.ok(attempt.text.includes(part), `${attempt.text} tells ${part}`);
  }
}

function attemptHere(path: string): Attempt {
  try {
    lockDirectory(path, runtime);
    return { kind: "locked", text: "" };
  } catch (error) {
    return { kind: (error as { kind: string }).kind, text: (error as Error).message };
  }
}

test("the owner refuses a second opener in its own thread, and another process", (context) => {
  const path = join(folder(context), "made/on/the/way");
  const lock = lockDirectory(path, runtime);
  assertRefused(attemptHere(path), path, process.pid);
  assert.match(attemptHere(path).text, /this very process/);
  assertRefused(inProcess(path), path, process.pid);
  // A refused opener must not have loosened anything.
  assertRefused(inProcess(path), path, process.pid);
  const owner = JSON.parse(readFileSync(join(path, "OWNER"), "utf8")) as Record<string, unknown>;
  assert.deepEqual([owner["pid"], owner["host"]], [process.pid, hostname()]);
  assert.ok(Math.abs(Date.parse(String(owner["started"])) - runtime.now()) < 60_000);
  lock.release();
  lock.release();
  assert.equal(existsSync(join(path, "OWNER")), false);
  assert.deepEqual(inProcess(path), { kind: "locked", text: "" });
  lockDirectory(path, runtime).release();
});

test("a lock that nobody keeps a reference to stays", async (context) => {
  const path = folder(context);
  const program = `${IMPORTS}
    attempt(${JSON.stringify(path)});
    globalThis.lock = undefined;
    for (let round = 0; round < 5; round++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log("collected");
    process.stdin.resume();`;
  const flags = ["--expose-gc", "--input-type=module", "--no-warnings", "-e", program];
  const child = spawn(process.execPath, flags, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  assertRefused(attemptHere(path), path, child.pid);
  child.stdin.end();
  await once(child, "exit");
  lockDirectory(path, runtime).release();
});

test("the lock of a killed process is free at once, whatever it left behind", async (context) => {
  const path = folder(context);
  const program = `${IMPORTS} console.log(attempt(${JSON.stringify(path)}).kind); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(output.toString().trim(), "locked");
  assertRefused(attemptHere(path), path, child.pid);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.match(readFileSync(join(path, "OWNER"), "utf8"), new RegExp(`"pid":${child.pid}\\b`));
  const lock = lockDirectory(path, runtime);
  assert.match(readFileSync(join(path, "OWNER"), "utf8"), new RegExp(`"pid":${process.pid}\\b`));
  assertRefused(inProcess(path), path, process.pid);
  lock.release();
});

test("a stopped process still owns its directory", async (context) => {
  const path = folder(context);
  const program = `${IMPORTS} console.log(attempt(${JSON.stringify(path)}).kind); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGSTOP");
  await sleep(20);
  assertRefused(attemptHere(path), path, child.pid);
  child.kill("SIGKILL");
  await once(child, "exit");
});

test("another thread is refused, and a thread that ends lets go", async (context) => {
  const path = folder(context);
  const program = `${IMPORTS}
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", () => parentPort.postMessage(attempt(${JSON.stringify(path)})));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
    execArgv: ["--no-warnings"],
  });
  const ask = async (): Promise<Attempt> => {
    const answer = once(worker, "message");
    worker.postMessage("try", []);
    return ((await answer) as [Attempt])[0];
  };
  const lock = lockDirectory(path, runtime);
  assertRefused(await ask(), path, process.pid);
  assertRefused(inProcess(path), path, process.pid);
  lock.release();
  assert.equal((await ask()).kind, "locked");
  assertRefused(attemptHere(path), path, process.pid);
  await worker.terminate();
  lockDirectory(path, runtime).release();
});

test("a path that cannot be a data directory is refused with the reason", (context) => {
  const path = folder(context);
  const file = join(path, "file");
  writeFileSync(file, "x");
  assert.throws(() => lockDirectory(file, runtime), {
    kind: "IoInvalidArgument",
    message: /file is a file; name a directory/,
  });
  assert.throws(() => lockDirectory(join(file, "below"), runtime), {
    kind: "IoInvalidArgument",
    message: /not a folder/,
  });
  mkdirSync(join(path, "strange"));
  writeFileSync(join(path, "strange/LOCK"), "something else ".repeat(100));
  assert.throws(() => lockDirectory(join(path, "strange"), runtime), {
    kind: "IoPermissionDenied",
    message: /cannot lock .*LOCK/,
  });
});

test("a directory that may not be written is refused with the reason", (context) => {
  const path = folder(context);
  const closed = join(path, "closed");
  mkdirSync(closed);
  chmodSync(path, 0o755);
  // Root may write everywhere, so that somebody else must try.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(closed, 65_534, 65_534);
  chmodSync(closed, 0o500);
  const before = isRoot ? "process.setuid(65534)" : "";
  for (const directory of [closed, join(closed, "below")]) {
    const { kind, text } = inProcess(directory, before);
    assert.equal(kind, "IoPermissionDenied", text);
    assert.ok(text.includes(directory) && text.includes("check owner and mode"), text);
  }
  chmodSync(closed, 0o700);
  writeFileSync(join(closed, "LOCK"), "", { mode: 0o400 });
  const { kind, text } = inProcess(closed, before);
  assert.equal(kind, "IoPermissionDenied", text);
  assert.match(text, /cannot lock .*LOCK/);
});
