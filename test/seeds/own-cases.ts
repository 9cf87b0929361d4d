/** Tests of our own that rows point to, for what no client sees: a short name, the file, and how the name of the test begins. */

export const OWN_CASES = {
  scalarJourney: { file: "src/server/wire/scalar-journey.test.ts", test: "property: wire" },
  vectorJourney: { file: "src/server/wire/vector-journey.test.ts", test: "property: wire" },
  structJourney: { file: "src/server/wire/struct-journey.test.ts", test: "property: wire" },
  appended: { file: "src/kernel/native.test.ts", test: "rows may be appended while searches of what was there run" },
  graphReaders: { file: "src/kernel/growing-index.test.ts", test: "one writer, many readers" },
  snapshot: { file: "src/segment/growing.test.ts", test: "what a reader was given stays while rows are appended" },
  parquet: { file: "src/storage/parquet/readers.test.ts", test: "pyarrow and DuckDB read what we write" },
  mapped: { file: "src/server/milvus/memory.test.ts", test: "an index is read while there is room and mapped" },
  recall: { file: "test/recall/recall.test.ts", test: "what is promised is found, under every condition" },
  plans: { file: "src/server/wire/search-request.test.ts", test: "is read as the generated code writes it" },
  travel: { file: "src/server/milvus/travel.test.ts", test: "the future, and a past from before" },
  partialRows: { file: "src/client/partial-rows.test.ts", test: "partial updates, and reads of the past" },
  pruned: { file: "src/proxy/partition-pruning.test.ts", test: "a read looks into the partitions of its keys" },
  isolated: { file: "src/proxy/partition-pruning.test.ts", test: "isolation wants one partition key" },
  loadedFields: { file: "src/server/milvus/loaded-fields.test.ts", test: "a vector is not searched: alone" },
  foundDeletes: { file: "src/server/milvus/quotas.test.ts", test: "keys found by a filter" },
  pressure: { file: "src/server/milvus/quotas.test.ts", test: "while inserts wait for memory the server says so" },
  timeToLive: {
    file: "src/server/milvus/time-to-live.test.ts",
    test: "vanish from every read when their time has come",
  },
  expired: { file: "src/data/compaction.test.ts", test: "expired and truncated rows are left out" },
  explained: { file: "src/client/embedded.test.ts", test: "an explained search tells what was done" },
  adopted: { file: "src/server/milvus/index-builds.test.ts", test: "what is flushed while it is served is adopted" },
  restartedBuilds: { file: "src/server/milvus/index-builds.test.ts", test: "a start knows what was built" },
  inspected: { file: "src/cli/commands/inspect-index.test.ts", test: "what is in an index is told" },
  inspectedLists: { file: "src/cli/commands/inspect-index.test.ts", test: "of inverted lists" },
  inspectedPostings: { file: "src/cli/commands/inspect-index.test.ts", test: "of packed lists" },
} as const;

export type OwnCase = keyof typeof OWN_CASES;
