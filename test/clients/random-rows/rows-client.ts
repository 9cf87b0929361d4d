/** What a run of random rows asks of a client: each method is one call of the real client's, with values in plain form before and behind it. */

import type { PlainRow } from "./plain.ts";
import type { Table } from "./fields.ts";

export type Reading =
  /** All rows, by a filter. */
  | { readonly how: "query"; readonly outputs: readonly string[] }
  | { readonly how: "get"; readonly keys: readonly string[] }
  /** All rows, as hits. */
  | { readonly how: "search"; readonly outputs: readonly string[] };

export interface RowsClient {
  readonly name: string;
  /** To a server on this port, from now on. */
  connect(port: number): Promise<void>;
  /** With an index on every vector, loaded, read with Strong consistency. */
  create(table: Table): Promise<void>;
  /** Gives the keys. Rejects with what the server, or the client, says of a row that it does not take. */
  insert(table: Table, rows: readonly PlainRow[]): Promise<string[]>;
  /** `isPartial`: fields that no row names stay as they are. */
  upsert(table: Table, rows: readonly PlainRow[], isPartial: boolean): Promise<string[]>;
  flush(table: Table): Promise<void>;
  release(table: Table): Promise<void>;
  load(table: Table): Promise<void>;
  read(table: Table, reading: Reading): Promise<PlainRow[]>;
  /** Nothing is asked of it afterwards. */
  close(): Promise<void>;
}

/** The index that a vector of the type gets: exact, or of small data none at all, since indexes are not what is shown here. */
export function indexOf(
  type: string,
  isOfStruct: boolean,
): { readonly index_type: string; readonly metric_type: string } {
  if (type === "SparseFloatVector") return { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP" };
  const metric = type === "BinaryVector" ? "HAMMING" : "L2";
  if (isOfStruct) return { index_type: "AUTOINDEX", metric_type: `MAX_SIM_${metric}` };
  return { index_type: type === "BinaryVector" ? "BIN_FLAT" : "AUTOINDEX", metric_type: metric };
}
