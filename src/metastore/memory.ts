/** The metadata store of tests and simulations: nothing outlives the object. */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { SortedMap } from "../base/sorted-map.ts";
import type { HistoryLimits } from "./change-feed.ts";
import { LocalMetaStore } from "./local.ts";
import type { Batch, Row, Table } from "./table.ts";

export class MemoryMetaStore extends LocalMetaStore {
  constructor(runtime: Runtime, history?: HistoryLimits) {
    super(new MemoryTable(), runtime, history);
  }
}

/** Values go out as copies, so that no reader can change them. */
export class MemoryTable implements Table {
  readonly #rows = new SortedMap<Row>();
  #revision = 0n;

  revision(): bigint {
    return this.#revision;
  }

  get(key: string): Row | null {
    const row = this.#rows.get(key);
    return row === undefined ? null : copyOf(row);
  }

  scan(prefix: string, after: string | null, limit: number): Row[] {
    const rows: Row[] = [];
    for (const row of this.#rows.under(prefix, after)) {
      if (rows.length >= limit) break;
      rows.push(copyOf(row));
    }
    return rows;
  }

  leased(): Row[] {
    return [...this.#rows.under("")].filter((row) => row.lease !== null);
  }

  /** None: a fresh table starts at revision 0, and the change feed keeps what comes. */
  history(): Batch[] {
    return [];
  }

  /** Nothing in here can fail half-way, so there is nothing to undo. */
  atomically(body: () => void): void {
    body();
  }

  put(row: Row): void {
    this.#rows.set(row.key, row);
  }

  delete(key: string): void {
    assert(this.#rows.delete(key), "only rows that are there are deleted");
  }

  record(batch: Batch): void {
    assert(batch.revision === this.#revision + 1n, "revisions are consecutive");
    this.#revision = batch.revision;
  }

  forget(): void {}

  close(): void {}
}

function copyOf(row: Row): Row {
  return { ...row, value: row.value.slice() };
}
