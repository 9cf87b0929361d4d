/**
 * The metadata store of one process in one file, through Node's own SQLite.
 *
 * Always true:
 *  - a transaction is in the write-ahead log and synced (`synchronous=FULL`) before its caller hears of it;
 *  - the file has one owner at a time, by a lock that dies with the process;
 *  - a file of another program, of a newer format or with an unknown feature is refused before anything in it changes.
 *
 * Not here: rows and their bytes (`sqlite-table.ts`).
 */

import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { LocalMetaStore } from "./local.ts";
import type { HistoryLimits } from "./change-feed.ts";
import { sqliteError } from "./sqlite-error.ts";
import { SqliteTable } from "./sqlite-table.ts";

/** "ELAN", in the header of the file where SQLite keeps the number of the program that it belongs to. */
const APPLICATION_ID = 0x454c414e;
const FORMAT_VERSION = 1;
const KNOWN_FEATURES: ReadonlySet<string> = new Set();

/** A larger file is not read through at opening; row checksums still find what is wrong when it is read. */
const QUICK_CHECK_BYTES = 256 * 1024 * 1024;
const DEFAULT_MAXIMUM_BYTES = 4 * 1024 * 1024 * 1024;
const PAGE_BYTES = 4096;

export interface SqliteMetaStoreOptions {
  readonly history?: HistoryLimits;
  /** The file may not grow beyond. */
  readonly maximumBytes?: number;
}

export class SqliteMetaStore extends LocalMetaStore {
  static async open(path: string, runtime: Runtime, options: SqliteMetaStoreOptions = {}): Promise<SqliteMetaStore> {
    return withContext(path, () => {
      const database = openDatabase(path, options.maximumBytes ?? DEFAULT_MAXIMUM_BYTES);
      try {
        return new SqliteMetaStore(new SqliteTable(database, path), runtime, options.history);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }
}

function openDatabase(path: string, maximumBytes: number): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Exclusive before the first access: then the write-ahead log needs no shared memory, and a second opener is turned away.
    database.exec(`PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=${PAGE_BYTES}; BEGIN IMMEDIATE`);
    const isFresh = checkFormat(database, path);
    if (isFresh) createTables(database);
    database.exec("COMMIT");
    database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216");
    database.exec(`PRAGMA max_page_count=${Math.ceil(maximumBytes / PAGE_BYTES)}`);
    if (isFresh) syncDirectory(dirname(path));
    else if (statSync(path).size <= QUICK_CHECK_BYTES) checkPages(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** True when the file is new. */
function checkFormat(database: DatabaseSync, path: string): boolean {
  const application = database.prepare("PRAGMA application_id").get()?.["application_id"];
  const tables = database.prepare("SELECT count(*) AS tables FROM sqlite_master").get()?.["tables"];
  if (application === 0 && tables === 0) return true;
  if (application !== APPLICATION_ID) {
    throw milvusError("DataIntegrity", `${path} is a database of another program; name another metadata file`);
  }
  const rows = database.prepare("SELECT name, value FROM format ORDER BY name").all();
  for (const { name, value } of rows) {
    if (name === "version" && Number(value) === FORMAT_VERSION) continue;
    if (typeof name === "string" && name.startsWith("feature:") && KNOWN_FEATURES.has(name.slice(8))) continue;
    const what =
      name === "version" ? `format version ${String(value)}` : `the unknown feature ${String(name).slice(8)}`;
    throw milvusError(
      "OperationNotSupported",
      `metadata file ${path} has ${what}; this program knows version ${FORMAT_VERSION}: use the newer program that wrote it`,
    );
  }
  if (!rows.some((row) => row["name"] === "version")) {
    throw milvusError("DataIntegrity", `metadata file ${path} names no format version; restore it from a backup`);
  }
  return false;
}

function createTables(database: DatabaseSync): void {
  database.exec(`
    PRAGMA application_id=${APPLICATION_ID};
    CREATE TABLE format (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO format VALUES ('version', '${FORMAT_VERSION}');
  `);
  SqliteTable.create(database);
}

function checkPages(database: DatabaseSync, path: string): void {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok")
    throw milvusError(
      "DataIntegrity",
      `metadata file ${path} is damaged (${String(found).replaceAll("\n", " ")}); restore it from a backup`,
    );
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function withContext<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw sqliteError(error, path);
  }
}
