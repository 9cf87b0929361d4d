/** What searches answer with. */

import type { SearchExplanation } from "../proxy/explain.ts";
import type { AnyRow, Key } from "./values.ts";

export type { SearchExplanation };

/**
 * A row found by a search: its key, its score by the metric, and the fields that were asked for. `element`: of a search of the vectors in
 * arrays of structs, which of the row's array it is.
 */
export type Hit<Row extends object = AnyRow> = {
  readonly id: Key;
  readonly score: number;
  readonly element?: number;
} & Row;

/** Hits, and what was done to find them. */
export interface Explained<Hits> {
  readonly hits: Hits;
  readonly explanation: SearchExplanation;
}

export type Explain<Options> = Options & { readonly explain: true };
