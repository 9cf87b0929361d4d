/**
 * The rows of a metadata store in SQLite.
 *
 * ```
 * counter(revision)                                           one row
 * entry  (key, value, created, modified, lease, crc)          key: UTF-8 bytes, so that SQLite's order is ours; lease: null or 63 bits
 * event  (revision, place, key, value, created, crc)          the last changes; value and created are null for a delete
 * ```
 *
 * crc is CRC-32 over key and value; SQLite itself has no checksums in its pages.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import { OutcomeUnknown } from "./metastore.ts";
import type { WatchEvent } from "./metastore.ts";
import { isFull, sqliteError } from "./sqlite-error.ts";
import type { Batch, Row, Table } from "./table.ts";

const EMPTY = new Uint8Array(0);
const ROW = "key, value, created, modified, lease, crc";

type Columns = Record<string, unknown>;

export class SqliteTable implements Table {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();

  static create(database: DatabaseSync): void {
    database.exec(`
      CREATE TABLE counter (revision INTEGER NOT NULL);
      INSERT INTO counter VALUES (0);
      CREATE TABLE entry (key BLOB NOT NULL UNIQUE, value BLOB NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
        lease INTEGER, crc INTEGER NOT NULL);
      CREATE INDEX entry_of_lease ON entry (lease) WHERE lease IS NOT NULL;
      CREATE TABLE event (revision INTEGER NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, value BLOB, created INTEGER,
        crc INTEGER NOT NULL, PRIMARY KEY (revision, place));
    `);
  }

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  revision(): bigint {
    const revision = this.#all("SELECT revision FROM counter")[0]?.["revision"];
    if (typeof revision !== "bigint" || revision < 0n) throw this.#damaged("no revision");
    return revision;
  }

  get(key: string): Row | null {
    const columns = this.#all(`SELECT ${ROW} FROM entry WHERE key = ?`, Buffer.from(key))[0];
    return columns === undefined ? null : this.#rowOf(columns);
  }

  scan(prefix: string, after: string | null, limit: number): Row[] {
    // The upper bound must stand in the statement by itself, or SQLite walks on to the last key.
    const from = Buffer.from(prefix);
    const above = after === null ? null : Buffer.from(after);
    const to = successorOf(from);
    const isAbove = above !== null && Buffer.compare(above, from) >= 0;
    const where = `key ${isAbove ? ">" : ">="} ?${to === null ? "" : " AND key < ?"}`;
    const bounds = to === null ? [isAbove ? above : from] : [isAbove ? above : from, to];
    const sql = `SELECT ${ROW} FROM entry WHERE ${where} ORDER BY key LIMIT ?`;
    const found = this.#all(sql, ...bounds, limit === Infinity ? -1 : limit);
    return found.map((columns) => this.#rowOf(columns));
  }

  leased(): Row[] {
    const found = this.#all(`SELECT ${ROW} FROM entry WHERE lease IS NOT NULL ORDER BY key`);
    return found.map((columns) => this.#rowOf(columns));
  }

  history(): Batch[] {
    const batches: { readonly revision: bigint; readonly events: WatchEvent[] }[] = [];
    for (const columns of this.#all("SELECT * FROM event ORDER BY revision, place")) {
      const event = this.#eventOf(columns);
      const last = batches.at(-1);
      if (last?.revision === event.revision) last.events.push(event);
      else if (last === undefined || last.revision + 1n === event.revision) {
        batches.push({ revision: event.revision, events: [event] });
      } else throw this.#damaged(`no change between revisions ${last.revision} and ${event.revision}`);
    }
    const last = batches.at(-1);
    if (last !== undefined && last.revision !== this.revision())
      throw this.#damaged("the changes do not end at the revision");
    return batches;
  }

  atomically(body: () => void): void {
    this.#run("BEGIN IMMEDIATE");
    try {
      body();
    } catch (error) {
      this.#rollback();
      throw error;
    }
    this.#commit();
  }

  put(row: Row): void {
    const key = Buffer.from(row.key);
    this.#run(
      `INSERT INTO entry (${ROW}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
        value = excluded.value, created = excluded.created, modified = excluded.modified, lease = excluded.lease, crc = excluded.crc`,
      [key, row.value, row.createRevision, row.modRevision, row.lease, checksum(key, row.value)],
    );
  }

  delete(key: string): void {
    this.#run("DELETE FROM entry WHERE key = ?", [Buffer.from(key)]);
  }

  record(batch: Batch): void {
    this.#run("UPDATE counter SET revision = ?", [batch.revision]);
    for (const [place, event] of batch.events.entries()) {
      const entry = event.kind === "put" ? event.entry : null;
      const key = Buffer.from(event.kind === "put" ? event.entry.key : event.key);
      this.#run("INSERT INTO event (revision, place, key, value, created, crc) VALUES (?, ?, ?, ?, ?, ?)", [
        batch.revision,
        place,
        key,
        entry?.value ?? null,
        entry?.createRevision ?? null,
        checksum(key, entry?.value ?? EMPTY),
      ]);
    }
  }

  forget(revision: bigint): void {
    this.#run("DELETE FROM event WHERE revision <= ?", [revision]);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #commit(): void {
    try {
      this.#statement("COMMIT").run();
    } catch (error) {
      this.#rollback();
      // A full disk stops the commit before its last frame, without which the frames before it count for nothing.
      if (isFull(error)) throw sqliteError(error, this.#path);
      throw new OutcomeUnknown(`commit to metadata file ${this.#path} failed`, { cause: error });
    }
  }

  /** SQLite has already rolled back after some errors; the next `BEGIN` fails if this did not work. */
  #rollback(): void {
    if (this.#database.isTransaction) this.#run("ROLLBACK");
  }

  #run(sql: string, values: readonly SQLInputValue[] = []): void {
    try {
      this.#statement(sql).run(...values);
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
  }

  #all(sql: string, ...values: SQLInputValue[]): Columns[] {
    try {
      return this.#statement(sql).all(...values);
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    this.#statements.set(sql, statement);
    return statement;
  }

  #rowOf(columns: Columns): Row {
    const { created, modified, lease } = columns;
    const { key, value } = this.#checked(columns);
    if (typeof created !== "bigint" || typeof modified !== "bigint" || created > modified)
      throw this.#damaged(`key ${key}`);
    if (lease !== null && typeof lease !== "bigint") throw this.#damaged(`lease of key ${key}`);
    return { key, value, createRevision: created, modRevision: modified, lease };
  }

  #eventOf(columns: Columns): WatchEvent {
    const { revision, created } = columns;
    const { key, value } = this.#checked(columns);
    if (typeof revision !== "bigint") throw this.#damaged(`change of key ${key}`);
    if (created === null) return { kind: "delete", key, revision };
    if (typeof created !== "bigint") throw this.#damaged(`change of key ${key}`);
    return { kind: "put", revision, entry: { key, value, createRevision: created, modRevision: revision } };
  }

  #checked(columns: Columns): { readonly key: string; readonly value: Uint8Array } {
    const { key, crc } = columns;
    const value = columns["value"] ?? EMPTY;
    if (!(key instanceof Uint8Array) || !(value instanceof Uint8Array))
      throw this.#damaged("a row without key or value");
    const text = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString();
    if (crc !== checksum(key, value)) throw this.#damaged(`checksum of key ${text}`);
    return { key: text, value };
  }

  #damaged(what: string): Error {
    return milvusError("DataIntegrity", `metadata file ${this.#path} is damaged (${what}); restore it from a backup`);
  }
}

function checksum(key: Uint8Array, value: Uint8Array): bigint {
  return BigInt(crc32(value, crc32(key)));
}

/** The first byte string above all that start with `prefix`; null when there is none. */
function successorOf(prefix: Uint8Array): Uint8Array | null {
  const last = prefix.at(-1);
  if (last === undefined) return null;
  assert(last < 0xff, "no UTF-8 byte is 0xff");
  const successor = Uint8Array.from(prefix);
  successor[prefix.length - 1] = last + 1;
  return successor;
}
