/** The tests of the Node SDK that rows point to: a short name, the file, and the name of the test. */

export const NODE_CASES = {
  randomRows: { file: "random-rows/random-rows", test: "what the Node SDK sends is what it reads" },
  randomFiles: { file: "random-rows/files", test: "what the Node SDK sends is in the files" },
  acrossClients: { file: "random-rows/random-rows", test: "what either client writes is what both read" },
  typed: { file: "node-sdk-types", test: "arrays, times and geometries" },
  vectorTypes: { file: "node-sdk-vectors", test: "insert, read back and search every type of vector" },
  metrics: { file: "node-sdk-forms", test: "L2 searches: one query and several" },
  together: { file: "node-sdk-forms", test: "partitions, a filter, several queries, outputs" },
  videos: { file: "node-sdk-forms", test: "the collection of seed 004" },
  windows: { file: "node-sdk-forms", test: "windows: 16,384 is in, 16,385 is out" },
  past: { file: "node-sdk-forms", test: "reads of the past: queries as of a time" },
  described: { file: "node-sdk-manage", test: "a collection is described with all that it was created with" },
  apart: { file: "node-sdk-manage", test: "collections of one name in two databases" },
  updated: { file: "node-sdk-manage", test: "an update replaces a row, or some of its fields" },
  foundDeletes: { file: "node-sdk-deletes", test: "keys that a filter finds count against the rate of deletes" },
  quick: { file: "node-sdk", test: "a collection made quickly" },
  declared: { file: "node-sdk", test: "a schema, its index, loading and releasing" },
  parted: { file: "node-sdk", test: "partitions and aliases" },
  compacted: { file: "node-sdk", test: "compaction is asked for, waited for, and changes no answer" },
  walked: { file: "node-sdk", test: "an iterator sees every row once" },
  indexed: { file: "node-sdk-indexes", test: "every type is built" },
  automatic: { file: "node-sdk-model", test: "keys that the server makes; a filter with in and >" },
  databases: { file: "node-sdk-model", test: "databases: their own collections" },
  tenants: { file: "node-sdk-model", test: "a partition key with isolation" },
  loaded: { file: "node-sdk-model", test: "some fields are loaded" },
  expiring: { file: "node-sdk-model", test: "rows with a time to live" },
  limited: { file: "node-sdk-model", test: "rates of a collection are refused with code 8" },
  structs: { file: "node-sdk-structs", test: "arrays of structs" },
  wordnet: { file: "node-sdk-wordnet", test: "growing and sealed mixed, as written" },
} as const;

export type NodeCase = keyof typeof NODE_CASES;
