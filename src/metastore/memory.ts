/** The metadata store of tests and simulations: nothing outlives the object. */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { compareUtf8 } from "../base/utf8-order.ts";
import type { HistoryLimits } from "./change-feed.ts";
import { LocalMetaStore } from "./local.ts";
import type { Batch, Row, Table } from "./table.ts";

export class MemoryMetaStore extends LocalMetaStore {
  constructor(runtime: Runtime, history?: HistoryLimits) {
    super(new MemoryTable(), runtime, history);
  }
}

/** Rows in one array sorted by key. Values go out as copies, so that no reader can change them. */
export class MemoryTable implements Table {
  readonly #rows: Row[] = [];
  #revision = 0n;

  revision(): bigint {
    return this.#revision;
  }

  get(key: string): Row | null {
    const row = this.#rows[this.#firstNotBelow(key)];
    return row?.key === key ? copyOf(row) : null;
  }

  scan(prefix: string, after: string | null, limit: number): Row[] {
    const rows: Row[] = [];
    let place = this.#firstNotBelow(after === null || compareUtf8(after, prefix) < 0 ? prefix : after);
    if (after !== null && this.#rows[place]?.key === after) place += 1;
    for (let row = this.#rows[place]; row !== undefined && rows.length < limit; row = this.#rows[++place]) {
      if (!row.key.startsWith(prefix)) break;
      rows.push(copyOf(row));
    }
    return rows;
  }

  leased(): Row[] {
    return this.#rows.filter((row) => row.lease !== null);
  }

  /** None: a fresh table starts at revision 0, and the change feed keeps what comes. */
  history(): Batch[] {
    return [];
  }

  atomically(body: () => void): void {
    body();
  }

  put(row: Row): void {
    const place = this.#firstNotBelow(row.key);
    this.#rows.splice(place, this.#rows[place]?.key === row.key ? 1 : 0, row);
  }

  delete(key: string): void {
    const place = this.#firstNotBelow(key);
    assert(this.#rows[place]?.key === key, "only rows that are there are deleted");
    this.#rows.splice(place, 1);
  }

  record(batch: Batch): void {
    assert(batch.revision === this.#revision + 1n, "revisions are consecutive");
    this.#revision = batch.revision;
  }

  forget(): void {}

  close(): void {}

  #firstNotBelow(key: string): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      assert(row !== undefined, "the search stays inside the rows");
      if (compareUtf8(row.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function copyOf(row: Row): Row {
  return { ...row, value: row.value.slice() };
}
