/**
 * `npm run bench -- <name> [part…]`: the benches by name. Without a name, or with one that is unknown: the list.
 *
 * A bench prints; nothing here passes or fails. Peers and limits are measured in the same run as what they are compared with.
 */

interface Bench {
  readonly about: string;
  readonly run: (parts: readonly string[]) => Promise<void>;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  engine: {
    about: "insert, pymilvus, search, start, idle, loop, answers, compaction (all of them, or those that are named)",
    run: async (parts) => (await import("./engine.ts")).engineBench(parts),
  },
  embedded: {
    about:
      "a database in the program's own process: durable rows a second, search, how long inserts hold the program up",
    run: async () => (await import("./embedded.ts")).embeddedBench(),
  },
  scan: {
    about:
      "exact search of the kernel beside a plain read of the same memory (of all elements, or the one that is named)",
    run: async ([element]) => (await import("./scan.ts")).scanBench(element ?? null),
  },
  index: {
    about:
      "the graph index beside hnswlib, SymphonyQG, faiss and usearch: wordnet=<folder>, text=<rows>, sift=<rows>, peers=<name>,…",
    run: async (parts) => (await import("./index.ts")).indexBench(parts),
  },
  open: {
    about: "opening the file of a graph: read or mapped, time, memory and what a release gives back (open 100000)",
    run: async (parts) => (await import("./open.ts")).openBench(parts),
  },
  javascript: {
    about: "what JavaScript adds to a search of an index, beside C++: in batches, one by one, eight at once",
    run: async (parts) => (await import("./javascript.ts")).javascriptBench(parts),
  },
  rivals: {
    about: "the embedded database beside zvec and LanceDB: equal recall, filters, a tenth of the rows written again",
    run: async (parts) => (await import("./rivals.ts")).rivalsBench(parts),
  },
  served: {
    about: "searches of a server by pymilvus: how long, and processor time of both",
    run: async (parts) => (await import("./served.ts")).servedBench(parts),
  },
  "growing-graph": {
    about:
      "growing rows: crossover (the graph beside a scan), beside (searches beside 1,000 inserts a second), or both",
    run: async (parts) => (await import("./growing-graph.ts")).growingGraphBench(parts),
  },
  joined: {
    about: "small searches at the same time, joined and alone: scans and a packed graph, 1, 8 and 64 in flight",
    run: async () => (await import("./joined.ts")).joinedBench(),
  },
  lists: {
    about: "searches by lists of vectors, through an index beside comparing every list (lists 20000)",
    run: async ([rows]) => (await import("./lists.ts")).listsBench(Number(rows ?? 20_000)),
  },
  iterate: {
    about: "walks through the nearest rows by pages, through indexes and by scans (iterate 60000)",
    run: async ([rows]) => (await import("./iterate.ts")).iterateBench(Number(rows ?? 60_000)),
  },
  journal: {
    about: "durable appends beside plain write + fdatasync",
    run: async () => (await import("./journal.ts")).journalBench(),
  },
  codec: {
    about: "hot messages by hand beside generated code",
    run: async () => (await import("./codec.ts")).codecBench(),
  },
  sparse: {
    about: "sparse vectors in the kernel beside plain lists: searches under filters, appends, memory",
    run: async () => (await import("./sparse.ts")).sparseBench(),
  },
  growing: {
    about: "memory of growing rows beside their bytes; very many VarChar keys (growing keys 20000000)",
    run: async (parts) => (await import("./growing.ts")).growingBench(parts),
  },
  filter: {
    about: "filters in the kernel beside a plain read and beside other evaluators, and parsing (all, or those named)",
    run: async (parts) => (await import("./filter.ts")).filterBench(parts),
  },
};

const [name, ...parts] = process.argv.slice(2);
const bench = name === undefined ? undefined : BENCHES[name];
if (bench === undefined) {
  const width = Math.max(...Object.keys(BENCHES).map(({ length }) => length));
  const list = Object.entries(BENCHES).map(([known, { about }]) => `  ${known.padEnd(width)}  ${about}\n`);
  const asked = name === undefined || name === "help" || name === "--help";
  const text = `usage: npm run bench -- <name> [part…]\n\n${list.join("")}`;
  (asked ? process.stdout : process.stderr).write(asked ? text : `there is no bench ${name}\n\n${text}`);
  process.exitCode = asked ? 0 : 2;
} else {
  await bench.run(parts);
}
