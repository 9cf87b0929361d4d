/**
 * The cases in Python: a script of `python/` each, run against one server that they share, and what it shows.
 *
 * The seeds' page (`docs/seeds.md`) names them by their scripts.
 */

export const PYTHON_CASES = {
  "003_quickstart": "quick start of seed 003",
  "003_schema": "schema of seed 003: automatic keys, VARCHAR, JSON, filters, batches",
  "004_quickstart": "quick start of seed 004",
  "004_orm": "the ORM as seed 004 uses it",
  "004_manage": "describe, rename, load, release, statistics, properties",
  "004_load_fields": "loading some of the fields",
  "004_partitions": "partitions",
  "004_search": "forms of a search, for each metric",
  "004_window": "windows of 16,384, ties by key, iterators of queries",
  partition_keys: "partition keys over shards, keys from the server, keys that come twice",
  databases: "databases",
  quotas: "rates of a collection, databases that are shut or full",
  aliases: "aliases",
  sparse_vectors: "sparse vectors, against brute force",
  vector_types: "every type of dense vector, against brute force",
  value_types: "every type, with nulls and defaults, comes back equal",
  arrays: "arrays of every element type",
  structs: "arrays of structs: every type of sub-field, nulls, growing and from files",
  structs_indexes: "indexes over sub-fields: elements and lists through indexes, filters through scalar indexes",
  structs_search: "searches of arrays of vectors, and filters over their elements, against a scan",
  structs_hybrid: "elements in hybrid searches and iterators, against a scan",
  times: "Timestamptz, its zones and its filters, rows that expire by one",
  geometry: "geometries and how they lie to each other",
  iterators: "iterators of searches, from one snapshot",
  async_client: "the client for asyncio",
  queries: "query, get and count against a scan",
  changes: "delete and upsert",
  partial_updates: "partial updates: fields, arrays, undeclared keys, rows that are new",
  scalar_indexes: "every type of scalar index, against a scan",
  evolution: "fields that come later or go, a time to live, truncation, properties",
  flushes: "flush and segments",
  compaction: "compaction: asked for, waited for, and read through",
  indexes: "indexes are described as they were made",
  approximate: "every index type that is built, searched through its own parameters",
  minhash: "bands of MinHash signatures, hash by hash",
  consistency: "consistency levels",
  error_texts: "texts and codes of errors",
  reading: "hybrid searches, groups, orders, aggregates, searches by ids against scans",
  ranking: "groups of several fields and of places, search aggregation, functions that rank, against scans",
} as const;

/** Scripts that are run with servers of their own: between restarts, or served with other flags. */
export const RESTARTED_CASES = {
  found_deletes: "a server that counts the keys which a delete by a filter finds",
  parquet_files: "what was inserted is what pyarrow reads from the server's files, type by type",
  "004_reopen": "a data directory opened again and again, and written on",
  wordnet: "20,000 rows of 384 against brute force",
} as const;

/** Of `random_rows.py`, which is asked in lines. */
export const SPOKEN_CASES = {
  random_files: "random rows of every type as pyarrow reads them from the server's files",
  random_rows: "random rows of every type come back as they were sent: growing, from files, after a restart",
} as const;

/** The file that runs a case. */
export function caseFile(name: PythonCase): string {
  if (name === "found_deletes") return "test/clients/pymilvus-deletes.test.ts";
  if (name === "parquet_files") return "test/clients/pymilvus-files.test.ts";
  if (name === "random_files") return "test/clients/random-rows/files.test.ts";
  if (name === "random_rows") return "test/clients/random-rows/random-rows.test.ts";
  if (name === "wordnet") return "test/clients/pymilvus-wordnet.test.ts";
  return name === "004_reopen" ? "test/clients/pymilvus-reopen.test.ts" : "test/clients/pymilvus.test.ts";
}

export type PythonCase = keyof typeof PYTHON_CASES | keyof typeof RESTARTED_CASES | keyof typeof SPOKEN_CASES;
