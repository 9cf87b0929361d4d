/** The tests of the Node SDK that rows point to: a short name, the file, and the name of the test. */

export const NODE_CASES = {
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
