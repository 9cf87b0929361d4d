/**
 * pymilvus as a client of random rows: `python/random_rows.py` as a process that is asked in lines of JSON and answers each with one.
 *
 * Carries everything but documents of more than 64 bits, which come back as floats (`settled` of `compare.ts` expects them so).
 */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { pythonCommand } from "../python-client.ts";
import type { Carried } from "./draw.ts";
import { indexed } from "./node-rows.ts";
import type { PlainRow } from "./plain.ts";
import { type Reading, type RowsClient, indexOf } from "./rows-client.ts";
import { KEY_BYTES, type Table } from "./fields.ts";

export const PYTHON_CARRIES: Carried = {
  signsBesideUndeclared: true,
  documentIntegers: "any",
  documentFloats: "any",
  sparseZeros: true,
  coarseDefaults: false,
};

const CALL_LIMIT_MILLISECONDS = 120_000;

export class PythonRows implements RowsClient {
  readonly name = "pymilvus";
  #child: ChildProcessWithoutNullStreams | null = null;
  #lines: AsyncIterator<string> | null = null;
  #errors = "";

  async connect(port: number): Promise<void> {
    await this.#ask("connect", { address: `127.0.0.1:${port}` });
  }

  async create(table: Table): Promise<void> {
    const indexes = indexed(table).map(([field, type, isOfStruct]) => ({ field, ...indexOf(type, isOfStruct) }));
    await this.#ask("create", { table, indexes, keyBytes: KEY_BYTES });
  }

  async insert(table: Table, rows: readonly PlainRow[]): Promise<string[]> {
    return (await this.#ask("insert", { table, rows })) as string[];
  }

  async upsert(table: Table, rows: readonly PlainRow[], isPartial: boolean): Promise<string[]> {
    return (await this.#ask("upsert", { table, rows, isPartial })) as string[];
  }

  async flush(table: Table): Promise<void> {
    await this.#ask("flush", { table });
  }

  async release(table: Table): Promise<void> {
    await this.#ask("release", { table });
  }

  async load(table: Table): Promise<void> {
    await this.#ask("load", { table });
  }

  async read(table: Table, reading: Reading): Promise<PlainRow[]> {
    return (await this.#ask("read", { table, reading })) as PlainRow[];
  }

  /** What pyarrow reads of the table in a server's directory, without its geometries. */
  async files(table: Table, folder: string): Promise<PlainRow[]> {
    return (await this.#ask("files", { table, folder })) as PlainRow[];
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdin.end();
    await ended;
  }

  /** One line there, one line back: `{"answer": …}`, or `{"refused": text}`. */
  async #ask(what: string, more: object): Promise<unknown> {
    const child = this.#started();
    child.stdin.write(`${JSON.stringify({ what, ...more })}\n`);
    const timer = setTimeout(() => child.kill("SIGKILL"), CALL_LIMIT_MILLISECONDS);
    const { value, done } = await this.#lines!.next();
    clearTimeout(timer);
    if (done === true) throw new Error(`random_rows.py ended at ${what}:\n${this.#errors}`);
    const told = JSON.parse(value) as { readonly answer?: unknown; readonly refused?: string };
    if (told.refused !== undefined) throw new Error(`${what}: ${told.refused}`);
    return told.answer;
  }

  #started(): ChildProcessWithoutNullStreams {
    if (this.#child !== null) return this.#child;
    const { command, args, env } = pythonCommand("random_rows", ["-"]);
    const child = spawn(command, args, { stdio: "pipe", env });
    child.stderr.on("data", (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#child = child;
    return child;
  }
}
