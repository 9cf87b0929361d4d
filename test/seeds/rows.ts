/**
 * What the seed documents name and real clients or tests of ours show, row by row. `docs/seeds.md` is made from this table.
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
import type { OwnCase } from "./own-cases.ts";

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
  /** Tests of our own, for what no client sees. */
  readonly own?: readonly OwnCase[];
  /** For "other form": what to write instead, and what the client makes of the document's spelling. */
  readonly form?: string;
  /** For "partly". */
  readonly missing?: string;
  /** Anything else a reader should know. */
  readonly note?: string;
}

export const SEED_ROWS: readonly SeedRow[] = [
  {
    row: "0.12",
    what: "rows of messages, taken apart and merged by type",
    verdict: "works",
    python: ["value_types", "vector_types", "random_rows"],
    node: ["randomRows", "acrossClients"],
    own: ["scalarJourney", "vectorJourney", "structJourney"],
    note: "every type through both clients, bit by bit: growing, in files, after a restart; what one writes the other reads. Our own tests look at each step between: column, log, segment, file",
  },
  {
    row: "0.13",
    what: "rows that were just inserted are in a growing segment",
    verdict: "works",
    python: ["flushes"],
  },
  {
    row: "0.15",
    what: "growing segments: columns that take rows while readers see a dense prefix",
    verdict: "other form",
    python: ["flushes"],
    own: ["appended", "graphReaders", "snapshot"],
    form: "a segment has one writer, in the order of the log, and any number of readers; native and reference kernel agree",
  },
  {
    row: "1.17",
    what: "columns of files by type, as other readers see them",
    verdict: "works",
    python: ["parquet_files", "random_files"],
    node: ["randomFiles"],
    own: ["parquet"],
    note: "what either client inserted is what pyarrow reads from the files; that DuckDB and hyparquet read them too, and what they leave out, is for our own test: files are no part of a client's API",
  },
  {
    row: "1.23",
    what: "large files are mapped",
    verdict: "works",
    python: [],
    own: ["mapped"],
    note: "as `mmap.enabled` says, or where there is no room; the system's list of mappings names the file",
  },
  {
    row: "3.2",
    what: "HNSW, IVF, FLAT, SCANN, DISKANN",
    verdict: "works",
    python: ["approximate"],
    node: ["indexed"],
    own: ["recall"],
    note: "`npm run recall` runs all of the matrix, the test a cut of it",
  },
  {
    row: "3.3",
    what: "vectors, scalars, VARCHAR and JSON in one collection",
    verdict: "works",
    python: [
      "value_types",
      "random_rows",
      "003_schema",
      "vector_types",
      "sparse_vectors",
      "arrays",
      "structs",
      "times",
      "geometry",
    ],
    node: ["declared", "typed", "vectorTypes", "structs", "randomRows"],
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
    verdict: "works",
    python: ["003_quickstart", "value_types", "quotas"],
    node: ["limited", "quick"],
    note: "rates are properties of the collection; above them code 8, which pymilvus waits out",
  },
  {
    row: "3.17",
    what: "a search between roles: partitions, filter as a plan, queries, output fields, guarantee",
    verdict: "works",
    python: ["004_search", "004_partitions"],
    node: ["together", "metrics"],
    own: ["plans"],
    note: "all parts in one search, against a scan. Between the roles the plan is typed and no client sees it: `src/model/plan.ts`",
  },
  {
    row: "3.18",
    what: "reads as of a time",
    verdict: "works",
    python: ["iterators"],
    node: ["past"],
    own: ["travel", "partialRows"],
    note: "`travel_timestamp` of requests (of the clients only the SDK for Node sends it, with queries; pymilvus reads the past by its iterators), `asOf` in process; the simulator's scenario P reads at random moments beside a model",
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
    row: "3.33",
    what: "isolation by partition key",
    verdict: "works",
    python: ["partition_keys"],
    node: ["tenants"],
    own: ["pruned", "isolated"],
    note: "a read looks into the partitions of its keys only, and finds what a look into all finds",
  },
  {
    row: "3.34",
    what: "a limit for deletes by filter",
    verdict: "works",
    python: ["found_deletes"],
    node: ["foundDeletes"],
    own: ["foundDeletes"],
    note: "`elanus serve --limit-found-deletes`, in process `limits: { limitsFoundDeletes: true }`: keys that are found count against `collection.deleteRate.max.mb`",
  },
  {
    row: "3.36",
    what: "names, aliases, partitions and databases of collections",
    verdict: "works",
    python: ["aliases", "databases", "004_manage"],
    node: ["parted", "apart", "described"],
  },
  {
    row: "3.39",
    what: "the quota centre; imports",
    verdict: "partly",
    python: ["quotas"],
    node: ["limited"],
    own: ["pressure"],
    missing: "imports",
    note: "rates and databases that are shut through both clients; that CheckHealth says WriteLimited while inserts wait for memory needs a server of little memory, which our own test makes",
  },
  {
    row: "3.57",
    what: "a collection is described with all its attributes as it was created",
    verdict: "works",
    python: ["004_manage", "003_schema"],
    node: ["described", "declared"],
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
    verdict: "other form",
    python: ["approximate"],
    node: ["indexed"],
    own: ["inspected", "recall"],
    form: "M, efConstruction and ef mean what they mean; `elanus inspect index` says that there is one layer, entered at rows far apart (`docs/adr/0015`)",
  },
  {
    row: "3.66",
    what: "IVF_FLAT by nlist and nprobe",
    verdict: "works",
    python: ["approximate"],
    node: ["indexed"],
    own: ["inspectedLists"],
    note: "`elanus inspect index` says how many lists there are; more lists probed find as much or more, all find everything",
  },
  {
    row: "3.67",
    what: "DISKANN by max_degree and search_list_size",
    verdict: "works",
    python: ["approximate"],
    node: ["indexed"],
    note: "codes and lists are in memory, rows are read from their file",
  },
  {
    row: "3.69",
    what: "a schema of automatic INT64 keys, a vector of 768, VARCHAR(50), INT64, JSON",
    verdict: "works",
    python: ["003_schema"],
    node: ["automatic"],
  },
  {
    row: "3.70",
    what: "a filter with `in` and `>` on a search of several queries",
    verdict: "other form",
    python: ["003_schema", "queries"],
    node: ["automatic", "together"],
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
    node: ["apart", "databases"],
  },
  {
    row: "4.7",
    what: "the ORM: VARCHAR 1024, a vector of 1024, IVF_FLAT with IP and nlist 1024, load",
    verdict: "works",
    python: ["004_orm"],
    node: ["videos"],
    note: "the classes of the ORM are Python's alone; the SDK for Node makes the same collection and the same search",
  },
  {
    row: "4.8",
    what: "describe, rename, release, load state",
    verdict: "works",
    python: ["004_manage"],
    node: ["described", "declared"],
  },
  {
    row: "4.9",
    what: "loading some of the fields, and not the undeclared keys",
    verdict: "works",
    python: ["004_load_fields"],
    node: ["loaded"],
    own: ["loadedFields"],
    note: "what is not loaded is no output, filter, order, group, aggregate or searched vector, from growing rows as from files; the memory is that of rows in files: growing ones are held whole",
  },
  {
    row: "4.10",
    what: "a time to live: hidden at once, gone for good after compaction",
    verdict: "works",
    python: ["evolution"],
    node: ["expiring", "described"],
    own: ["timeToLive", "expired"],
    note: "both clients see rows go at once. That they are gone for good is for our own tests, whose clock runs ahead: what was seen within the last hour is kept for readers of the past (`docs/adr/0014`)",
  },
  {
    row: "4.11",
    what: "partitions: create, drop, list, insert into, search in, load, release",
    verdict: "works",
    python: ["004_partitions", "partition_keys"],
    node: ["parted", "together"],
  },
  {
    row: "4.12",
    what: "a query of one partition by a filter on partition_name",
    verdict: "other form",
    python: ["004_partitions"],
    node: ["together"],
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
    node: ["metrics"],
  },
  {
    row: "4.15",
    what: "one query and several, output fields with vectors; a hit is id, distance, entity",
    verdict: "works",
    python: ["004_search"],
    node: ["metrics", "declared"],
  },
  {
    row: "4.16",
    what: "limit and offset up to 16,384",
    verdict: "works",
    python: ["004_window", "004_search", "iterators"],
    node: ["windows", "metrics", "walked"],
    note: "16,384 is in, 16,385 is refused; `offset` is taken as a keyword and in search_params; iterators go past it",
  },
  {
    row: "4.22",
    what: "indexes are built apart from reads and writes",
    verdict: "partly",
    python: ["approximate"],
    own: ["adopted"],
    missing:
      "on two cores exact searches take twice as long beside a build, three times at p99 (`npm run bench -- engine builds`); inserts are as quick at the median",
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
    row: "4.30",
    what: "operators of a search: distances, index, filter, merge",
    verdict: "works",
    python: ["approximate"],
    node: ["indexed"],
    own: ["explained"],
    note: "an explained search lists them with their counts",
  },
  {
    row: "4.33",
    what: "compaction merges small segments and drops what was deleted",
    verdict: "works",
    python: ["compaction"],
    node: ["compacted"],
    note: "on its own from four small segments on, from two where nobody writes, or asked for; deleted rows go when nobody may read as of before any more (an hour)",
  },
  {
    row: "4.34",
    what: "an update replaces a row",
    verdict: "works",
    python: ["changes", "partial_updates", "wordnet"],
    node: ["updated", "quick"],
    note: "upsert, of whole rows or of some fields; what it hides goes when segments are compacted",
  },
  {
    row: "4.35",
    what: "an index is built after a flush, stored as files, beside everything else",
    verdict: "works",
    python: ["approximate", "indexes"],
    node: ["indexed"],
    own: ["adopted", "restartedBuilds"],
  },
  {
    row: "4.36",
    what: "what is in the files of an index",
    verdict: "works",
    python: ["indexes"],
    own: ["inspected", "inspectedLists", "inspectedPostings"],
    note: "`elanus inspect index`; FLAT has no file",
  },
  {
    row: "4.38",
    what: "filter first, then the index, exact distances, the best of each segment, the best of all",
    verdict: "works",
    python: ["approximate"],
    node: ["indexed"],
    own: ["explained"],
    note: "`explain` of a search",
  },
];
