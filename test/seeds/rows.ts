/**
 * What the seed documents name and real clients can show, row by row. `docs/seeds.md` is made from this table.
 *
 * Always true (checked by `seeds.test.ts`):
 *  - rows stand in their order, each once, and each that works or partly works names at least one case that exists;
 *  - a row whose spelling is no parameter of the client says which form works;
 *  - a row that works only in part says what is missing.
 *
 * The numbers are those of the list of all rows that the project keeps: document, then place in it. Add a row when a case shows it.
 */

import type { PythonCase } from "../clients/pymilvus-cases.ts";
import type { NodeCase } from "./node-cases.ts";

export type Verdict =
  /** As named. */
  | "works"
  /** The meaning works; the spelling in the document is not the client's. */
  | "other form"
  /** `missing` says what does not. */
  | "partly";

export interface SeedRow {
  readonly row: `${number}.${number}`;
  /** What is named, in our words. */
  readonly what: string;
  readonly verdict: Verdict;
  readonly python: readonly PythonCase[];
  readonly node?: readonly NodeCase[];
  /** For "other form": what to write instead, and what the client makes of the document's spelling. */
  readonly form?: string;
  /** For "partly". */
  readonly missing?: string;
  /** Anything else a reader should know. */
  readonly note?: string;
}

export const SEED_ROWS: readonly SeedRow[] = [
  {
    row: "0.13",
    what: "rows that were just inserted are in a growing segment",
    verdict: "works",
    python: ["flushes"],
  },
  {
    row: "3.3",
    what: "vectors, scalars, VARCHAR and JSON in one collection",
    verdict: "works",
    python: ["value_types", "003_schema", "vector_types", "sparse_vectors", "arrays", "structs", "times", "geometry"],
    node: ["declared", "structs"],
  },
  {
    row: "3.7",
    what: "MilvusClient with uri and token",
    verdict: "partly",
    python: ["003_quickstart"],
    missing: "the token is taken and not looked at: there is no authentication yet",
  },
  {
    row: "3.8",
    what: "quick create: dimension 768, IP, Strong",
    verdict: "works",
    python: ["003_quickstart"],
    node: ["quick"],
  },
  {
    row: "3.9",
    what: "insert of dicts with an undeclared key",
    verdict: "works",
    python: ["003_quickstart"],
    node: ["quick"],
    note: "the SDK for Node leaves undeclared keys of a query under $meta, and takes them out for a search",
  },
  {
    row: "3.10",
    what: "search with a limit and output fields",
    verdict: "works",
    python: ["003_quickstart"],
    node: ["quick"],
  },
  {
    row: "3.14",
    what: "insert answers with keys, counts and a timestamp; its rate is limited",
    verdict: "partly",
    python: ["003_quickstart", "value_types"],
    node: ["quick"],
    missing: "rate limits",
  },
  {
    row: "3.19",
    what: "a search goes to every shard, and the answers are merged in order",
    verdict: "works",
    python: ["partition_keys"],
    node: ["wordnet"],
    note: "2 and 3 shards against brute force",
  },
  {
    row: "3.36",
    what: "names, aliases, partitions and databases of collections",
    verdict: "works",
    python: ["aliases", "databases", "004_manage"],
    node: ["parted"],
  },
  {
    row: "3.57",
    what: "a collection is described with all its attributes as it was created",
    verdict: "works",
    python: ["004_manage", "003_schema"],
    node: ["declared"],
  },
  {
    row: "3.58",
    what: "segments: rows, state, level, storage version",
    verdict: "partly",
    python: ["flushes"],
    missing: "clients are told counts and states; files, channels and positions are in `elanus inspect segment`",
  },
  {
    row: "3.59",
    what: "states of segments",
    verdict: "works",
    python: ["flushes"],
    note: "Growing, Sealed, Flushed as clients see them; the numbers are in src/model/types.ts",
  },
  {
    row: "3.60",
    what: "an index: rows indexed, rows in all, state, the user's parameters",
    verdict: "works",
    python: ["indexes", "approximate", "004_orm"],
    node: ["declared", "indexed"],
    note: "parameters come back in the form they were sent in, flat or nested; rows count as indexed when they are",
  },
  {
    row: "3.65",
    what: "HNSW by M, efConstruction and ef",
    verdict: "partly",
    python: ["approximate"],
    node: ["indexed"],
    missing: "there is one layer, entered at a few rows far apart; clients search some thousands of rows here",
  },
  {
    row: "3.69",
    what: "a schema of automatic INT64 keys, a vector of 768, VARCHAR(50), INT64, JSON",
    verdict: "works",
    python: ["003_schema"],
  },
  {
    row: "3.70",
    what: "a filter with `in` and `>` on a search of several queries",
    verdict: "other form",
    python: ["003_schema", "queries"],
    form: "`expr=` of the ORM's `Collection.search`, beside `param=`; inside `param` it is not looked at",
  },
  {
    row: "4.2",
    what: "the data is there when the same directory is opened again, and writing goes on",
    verdict: "works",
    python: ["004_reopen", "wordnet"],
    node: ["wordnet"],
    note: "through a server over the directory, stopped in order and killed",
  },
  {
    row: "4.3",
    what: "a collection from a schema with the usual names; COSINE by default",
    verdict: "other form",
    python: ["004_quickstart"],
    form: "`create_collection(name, schema=schema)`: the second place is the dimension, and a schema there is refused by the client",
  },
  {
    row: "4.4",
    what: "insert of entities; search with a vector; search under a filter",
    verdict: "works",
    python: ["004_quickstart", "changes"],
    node: ["quick"],
  },
  {
    row: "4.5",
    what: "the keywords query_vectors, top_k, expr, entities; get_collection",
    verdict: "other form",
    python: ["004_quickstart"],
    form: "`data=`, `limit=`, `filter=`, `data=`; `describe_collection` or `has_collection`. The client refuses the others by itself",
  },
  {
    row: "4.6",
    what: "databases with collections of their own",
    verdict: "works",
    python: ["databases"],
  },
  {
    row: "4.7",
    what: "the ORM: VARCHAR 1024, a vector of 1024, IVF_FLAT with IP and nlist 1024, load",
    verdict: "works",
    python: ["004_orm"],
  },
  {
    row: "4.8",
    what: "describe, rename, release, load state",
    verdict: "works",
    python: ["004_manage"],
    node: ["declared"],
  },
  {
    row: "4.9",
    what: "loading some of the fields, and not the undeclared keys",
    verdict: "partly",
    python: ["004_load_fields"],
    missing: "only rows in files are held without the other fields; growing rows are held whole",
  },
  {
    row: "4.11",
    what: "partitions: create, drop, list, insert into, search in, load, release",
    verdict: "works",
    python: ["004_partitions", "partition_keys"],
    node: ["parted"],
  },
  {
    row: "4.12",
    what: "a query of one partition by a filter on partition_name",
    verdict: "other form",
    python: ["004_partitions"],
    form: "`partition_names=[…]` of search and query; the error of the filter says so. Where undeclared keys are allowed the filter is valid and finds rows that have such a key",
  },
  {
    row: "4.13",
    what: "nearest neighbours: exact with FLAT; AUTOINDEX",
    verdict: "works",
    python: ["wordnet", "004_search", "indexes", "approximate"],
    node: ["wordnet", "indexed"],
    note: "FLAT equals brute force in numpy and in TypeScript; AUTOINDEX finds 95 % of it and more",
  },
  {
    row: "4.14",
    what: "L2, IP, COSINE; a search's metric must be that of the index",
    verdict: "works",
    python: ["004_search"],
  },
  {
    row: "4.15",
    what: "one query and several, output fields with vectors; a hit is id, distance, entity",
    verdict: "works",
    python: ["004_search"],
    node: ["declared"],
  },
  {
    row: "4.16",
    what: "limit and offset up to 16,384",
    verdict: "works",
    python: ["004_window", "004_search", "iterators"],
    node: ["walked"],
    note: "16,384 is in, 16,385 is refused; `offset` is taken as a keyword and in search_params; iterators go past it",
  },
  {
    row: "4.28",
    what: "fresh reads: what was acknowledged is seen",
    verdict: "works",
    python: ["consistency", "wordnet"],
    node: ["wordnet"],
    note: "Strong and Session at once; Bounded and Eventually after they caught up. How fast is for the benchmark to say",
  },
  {
    row: "4.33",
    what: "compaction merges small segments and drops what was deleted",
    verdict: "works",
    python: ["compaction"],
    node: ["compacted"],
    note: "on its own from four small segments on, or asked for; deleted rows go when nobody may read as of before any more (an hour)",
  },
  {
    row: "4.34",
    what: "an update replaces a row",
    verdict: "works",
    python: ["changes", "partial_updates", "wordnet"],
    node: ["quick"],
    note: "upsert, of whole rows or of some fields; what it hides goes when segments are compacted",
  },
];
