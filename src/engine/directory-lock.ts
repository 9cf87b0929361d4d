/**
 * One owner per data directory.
 *
 * `LOCK` is an empty SQLite database in which the owner holds an exclusive transaction open for life. Underneath that is a lock of
 * the operating system, which ends with the process however it dies, and SQLite keeps other threads of the process out as well.
 * `OWNER` only tells people who it is; after a crash it is stale, and nobody decides by it.
 *
 * Always true: while the lock is held, every other opener, of any process or thread, is refused.
 *
 * Beware: on POSIX systems a process loses its lock when it closes any descriptor of that file. Nothing here may open `LOCK`
 * otherwise, also not to copy it.
 */

import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { milvusError } from "../base/errors.ts";
import { fileError, systemCode } from "../base/file-error.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { resultCode } from "../metastore/sqlite-error.ts";

const LOCK_FILE = "LOCK";
const OWNER_FILE = "OWNER";

/** SQLite's result codes for a lock that somebody else has. */
const BUSY = 5;
const LOCKED = 6;

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
}

/** A lock whose object were collected would be a lock that is lost. */
const held = new Set<DatabaseSync>();

export class DirectoryLock {
  readonly #path: string;
  readonly #database: DatabaseSync;

  /** Use `lockDirectory`. */
  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    held.add(database);
  }

  /** Idempotent. */
  release(): void {
    if (!held.delete(this.#database)) return;
    // Before the lock goes, or it would be the next owner's file.
    rmSync(join(this.#path, OWNER_FILE), { force: true });
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Makes the directory where there is none. */
export function lockDirectory(directory: string, runtime: Runtime): DirectoryLock {
  const path = resolve(directory);
  makeWritable(path);
  const database = lockFile(path);
  try {
    writeOwner(path, runtime);
  } catch (error) {
    database.close();
    throw fileError(error, "write to data directory", path);
  }
  return new DirectoryLock(path, database);
}

function makeWritable(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw milvusError("IoInvalidArgument", `${path} is a file; name a directory for the data`, {}, error);
    }
    throw fileError(error, "use data directory", path);
  }
}

function lockFile(path: string): DatabaseSync {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(join(path, LOCK_FILE), { timeout: 0 });
    database.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    throw notLocked(error, path);
  }
}

function notLocked(error: unknown, path: string): unknown {
  const code = resultCode(error);
  if (code === 0) return error;
  if (code === BUSY || code === LOCKED) {
    const advice = "stop that process, connect to it as a client, or use another directory";
    return milvusError(
      "ServiceUnavailable",
      `data directory ${path} is in use by ${describeOwner(path)}: ${advice}`,
      {},
      error,
    );
  }
  const text = error instanceof Error ? error.message : "";
  const advice = "check owner and mode, and that it is an empty file of this program";
  return milvusError("IoPermissionDenied", `cannot lock ${join(path, LOCK_FILE)} (${text}): ${advice}`, {}, error);
}

function writeOwner(path: string, runtime: Runtime): void {
  const owner: Owner = { pid: process.pid, host: hostname(), started: new Date(runtime.now()).toISOString() };
  const target = join(path, OWNER_FILE);
  writeFileSync(`${target}.new`, `${JSON.stringify(owner)}\n`);
  renameSync(`${target}.new`, target);
}

function describeOwner(path: string): string {
  const owner = readOwner(path);
  if (owner === null) return "another process";
  const { pid, host, started } = owner;
  const who = pid === process.pid && host === hostname() ? `this very process (pid ${pid})` : `process ${pid}`;
  return `${who} on host ${host} since ${started}`;
}

/** Null when it is not there yet or makes no sense. */
function readOwner(path: string): Owner | null {
  try {
    const found: unknown = JSON.parse(readFileSync(join(path, OWNER_FILE), "utf8"));
    return isOwner(found) ? found : null;
  } catch {
    return null;
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== "object" || value === null) return false;
  const { pid, host, started } = value as Partial<Record<keyof Owner, unknown>>;
  return typeof pid === "number" && typeof host === "string" && typeof started === "string";
}
