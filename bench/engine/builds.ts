/**
 * What building an index costs those who work beside it: searches and inserts while nothing is built, and while an HNSW graph of the same
 * collection is. Searches are exact in both, since what is being built answers nobody yet.
 *
 * With as many kernel threads as cores a build has what searches leave: the share of a core that it got is printed too.
 */

import { Engine } from "../../src/engine/engine.ts";
import { median, percent, percentile, printTable, secondsOf, sleep } from "../measure.ts";
import {
  DIMENSION,
  TARGET,
  createCollection,
  dataDirectory,
  fill,
  flush,
  insertRequest,
  load,
  search,
  vectors,
} from "./collection.ts";

const ROWS = 60_000;
const INSERT_ROWS = 100;
const PAUSE_MILLISECONDS = 5;
const LIMIT = 10;
const IDLE_MILLISECONDS = 6_000;

interface Times {
  readonly searches: number[];
  readonly inserts: number[];
}

export async function buildsBench(): Promise<void> {
  using directory = dataDirectory();
  const engine = await Engine.open({
    directory: directory.path,
    limits: { compactionSlots: 0, maxSegmentBytes: 512 << 20 },
  });
  const { proxy } = engine;
  try {
    await createCollection(proxy);
    await fill(proxy, ROWS);
    await flush(proxy);
    let next = 10_000_000;
    /** One search and one insert after the other, with a pause after each, until it is enough. */
    const measure = async (isEnough: () => Promise<boolean> | boolean): Promise<Times> => {
      const times: Times = { searches: [], inserts: [] };
      while (!(await isEnough())) {
        const query = vectors(1, next);
        times.searches.push(1000 * (await secondsOf(() => search(proxy, query, LIMIT))));
        await sleep(PAUSE_MILLISECONDS);
        const request = insertRequest(next, vectors(INSERT_ROWS, next));
        next += INSERT_ROWS;
        times.inserts.push(1000 * (await secondsOf(() => proxy.insert(request))));
        await sleep(PAUSE_MILLISECONDS);
      }
      return times;
    };
    await measure(until(1_000));
    const idle = await measure(until(IDLE_MILLISECONDS));

    await proxy.releaseCollection(TARGET, null);
    await proxy.dropIndex(TARGET, "vector");
    await proxy.createIndex(TARGET, "vector", "", [
      { key: "index_type", value: "HNSW" },
      { key: "metric_type", value: "IP" },
    ]);
    const started = performance.now();
    await load(proxy);
    const isBuilt = async (): Promise<boolean> =>
      (await proxy.describeIndexes(TARGET, ""))[0]!.progress.state === "Finished";
    const beside = await measure(isBuilt);
    const seconds = (performance.now() - started) / 1000;

    const row = (name: string, { searches, inserts }: Times): string[] => [
      name,
      String(searches.length),
      ...[searches, inserts].flatMap((times) => [median(times).toFixed(2), percentile(times, 0.99).toFixed(2)]),
    ];
    const ratio = (of: (times: Times) => number): string => percent(of(beside) / of(idle));
    printTable(
      `Exact searches of ${ROWS} × ${DIMENSION} and inserts of ${INSERT_ROWS} rows, in turns with ${PAUSE_MILLISECONDS} ms between; the build took ${seconds.toFixed(1)} s`,
      ["", "of each", "search, median ms", "p99 ms", "insert, median ms", "p99 ms"],
      [
        row("nothing is built", idle),
        row("beside a build", beside),
        [
          "ratio",
          "",
          ratio(({ searches }) => median(searches)),
          ratio(({ searches }) => percentile(searches, 0.99)),
          ratio(({ inserts }) => median(inserts)),
          ratio(({ inserts }) => percentile(inserts, 0.99)),
        ],
      ],
    );
  } finally {
    await engine.close();
  }
}

function until(milliseconds: number): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() >= end;
}
