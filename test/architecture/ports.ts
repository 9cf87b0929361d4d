/**
 * What only some folders may do: the clock, timers, chance and the environment belong to `base/host`, files and sockets to the seams,
 * native code to `kernel`; and the few habits that the whole of `src` keeps.
 *
 * Test files may look at the clock and touch files; nothing else is forgiven them.
 */

import { importsOf } from "./imports.ts";
import { isTest } from "./sources.ts";
import type { Sources } from "./sources.ts";
import { tokenize } from "./tokens.ts";
import type { Token } from "./tokens.ts";

const HOST = "src/base/host/";

const MODULES_OF_HOST = new Set(["node:timers", "node:timers/promises", "node:perf_hooks"]);

const GLOBAL_TIMERS = new Set(["setTimeout", "setInterval", "setImmediate"]);

/** Members of well-known objects that read the clock, wait, or draw a number. */
const MEMBERS_OF_HOST = new Set([
  "Date.now",
  "performance.now",
  "performance.timeOrigin",
  "Math.random",
  "process.env",
  "process.hrtime",
  "process.uptime",
  "AbortSignal.timeout",
  "crypto.getRandomValues",
  "crypto.randomUUID",
]);

/** Names of `node:crypto` that draw chance, whatever object they are taken from. */
const CHANCE = new Set(["randomBytes", "randomFill", "randomFillSync", "randomInt", "randomUUID", "getRandomValues"]);

/** Folders that may touch files, sockets, processes and threads. */
export const OUTWARD_FOLDERS = [
  "kernel",
  "metastore",
  "objectstore",
  "log",
  "rpc",
  "engine",
  "server",
  "client",
  "cli",
];

const OUTWARD_MODULES = new Set([
  "node:fs",
  "node:fs/promises",
  "node:net",
  "node:tls",
  "node:http",
  "node:http2",
  "node:https",
  "node:dgram",
  "node:dns",
  "node:dns/promises",
  "node:child_process",
  "node:cluster",
  "node:worker_threads",
  "node:sqlite",
  "node:readline",
  "node:readline/promises",
]);

export function portViolations(sources: Sources): string[] {
  const violations: string[] = [];
  for (const [path, source] of sources) {
    const tokens = tokenize(source);
    const say = (line: number, what: string): void => void violations.push(`${path}:${line}: ${what}`);
    if (!path.startsWith(HOST) && !isTest(path)) checkHost(tokens, source, say);
    if (!isTest(path)) checkOutward(path, source, say);
    checkNative(path, tokens, source, say);
    checkHabits(path, tokens, source, say);
  }
  return violations;
}

type Say = (line: number, what: string) => void;

function checkHost(tokens: readonly Token[], source: string, say: Say): void {
  for (const { specifier, line } of importsOf(source)) {
    if (specifier !== null && MODULES_OF_HOST.has(specifier)) say(line, `${specifier} is for base/host alone`);
  }
  const importsCrypto = importsOf(source).some(({ specifier }) => specifier === "node:crypto");
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "word") continue;
    const object = tokens[at - 1]?.text === "." ? tokens[at - 2]?.text : undefined;
    if (object !== undefined && MEMBERS_OF_HOST.has(`${object}.${token.text}`)) {
      say(token.line, `${object}.${token.text} is for base/host alone`);
    } else if (
      GLOBAL_TIMERS.has(token.text) &&
      tokens[at + 1]?.text === "(" &&
      (object === undefined || object === "globalThis")
    ) {
      // A method of that name is declared, not called, where a type or a body follows its parentheses; only host does that.
      say(token.line, `${token.text} is for base/host alone`);
    } else if (importsCrypto && CHANCE.has(token.text)) {
      say(token.line, `${token.text} is for base/host alone`);
    } else if (
      token.text === "Date" &&
      tokens[at - 1]?.text === "new" &&
      /^(\(\)|[^(])/.test(following(tokens, at, 2))
    ) {
      say(token.line, "new Date() reads the clock, which is for base/host alone");
    }
  }
}

function following(tokens: readonly Token[], at: number, count: number): string {
  return tokens
    .slice(at + 1, at + 1 + count)
    .map((token) => token.text)
    .join("");
}

function checkOutward(path: string, source: string, say: Say): void {
  if (path.startsWith(HOST) || OUTWARD_FOLDERS.includes(path.split("/")[1]!)) return;
  for (const { specifier, line } of importsOf(source)) {
    if (specifier !== null && OUTWARD_MODULES.has(specifier))
      say(line, `${specifier} is not for src/${path.split("/")[1]}`);
  }
}

function checkNative(path: string, tokens: readonly Token[], source: string, say: Say): void {
  if (path.startsWith("src/kernel/")) return;
  for (const { specifier, line } of importsOf(source)) {
    if (specifier?.endsWith(".node")) say(line, "native code is loaded by src/kernel alone");
  }
  for (const token of tokens) {
    if (token.kind === "word" && (token.text === "dlopen" || token.text === "createRequire")) {
      say(token.line, `${token.text}: native code is loaded by src/kernel alone`);
    }
  }
}

/** What may stand before the type `any`. */
const BEFORE_TYPE = new Set([
  ":",
  "<",
  ">",
  ",",
  "|",
  "&",
  "(",
  "=",
  "as",
  "extends",
  "keyof",
  "is",
  "readonly",
  "satisfies",
]);
/** What may stand after it. */
const AFTER_TYPE = new Set([">", ")", "]", "[", ",", ";", "=", "|", "&", "{", "}", "?"]);

function checkHabits(path: string, tokens: readonly Token[], source: string, say: Say): void {
  if (path.endsWith("/index.ts")) say(1, "no barrels: import from the file that has the thing");
  else if (onlyExportsOthers(tokens, source)) say(1, "a file that only passes on other files' exports is a barrel");
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "word") continue;
    const before = tokens[at - 1]?.text ?? "";
    const after = tokens[at + 1];
    if (token.text === "any" && BEFORE_TYPE.has(before) && (after === undefined || AFTER_TYPE.has(after.text))) {
      say(token.line, "no any");
    } else if (token.text === "enum" && after?.kind === "word" && before !== ".") {
      say(token.line, "no enum: a constant object and a type of the same name");
    }
  }
}

function onlyExportsOthers(tokens: readonly Token[], source: string): boolean {
  const exported = importsOf(source).length;
  if (exported === 0) return false;
  const statements = tokens.filter((token) => token.kind === "mark" && token.text === ";").length;
  const starts = tokens.filter((token, at) => token.text === "export" && tokens[at - 1]?.text !== ".").length;
  return starts === exported && statements === exported;
}

/** Paths of the machine a file was written on. None may stand in the repository: a clone elsewhere does not have them. */
const MACHINE_PATHS = [
  /\/work\/(main|shared|\.library)\b/,
  /\/(home|Users)\/[a-z]\w*\//,
  /\/root\/\.?\w/,
  /\/tmp\/(brief|bash_jobs)/,
];

export function machinePaths(sources: Sources): string[] {
  const found: string[] = [];
  for (const [path, source] of sources) {
    for (const [index, line] of source.split("\n").entries()) {
      if (MACHINE_PATHS.some((pattern) => pattern.test(line)))
        found.push(`${path}:${index + 1}: ${line.trim().slice(0, 100)}`);
    }
  }
  return found;
}
