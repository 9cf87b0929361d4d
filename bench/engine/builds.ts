/**
 * What building an index costs those who work beside it: searches and inserts while nothing is built, and while an HNSW graph of the same
 * collection is, in turns. Searches are exact in both, since what is being built answers nobody yet.
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
/** What is inserted goes to another collection: searches look at the same rows however long a build takes. */
const OTHER = "other";
const LIMIT = 10;
const SETTLE_MILLISECONDS = 500;
/** Some six hundred searches and inserts: of fewer the 99th percentile is one of the worst few. */
const IDLE_MILLISECONDS = 20_000;
const ROUNDS = 3;

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
    await createCollection(proxy, OTHER);
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
        const request = { ...insertRequest(next, vectors(INSERT_ROWS, next)), collectionName: OTHER };
        next += INSERT_ROWS;
        times.inserts.push(1000 * (await secondsOf(() => proxy.insert(request))));
        await sleep(PAUSE_MILLISECONDS);
      }
      return times;
    };
    /** The other index, on rows that are there already. */
    const declare = async (type: string): Promise<void> => {
      await proxy.releaseCollection(TARGET, null);
      await proxy.dropIndex(TARGET, "vector");
      await proxy.createIndex(TARGET, "vector", "", [
        { key: "index_type", value: type },
        { key: "metric_type", value: "IP" },
      ]);
      await load(proxy);
    };
    const isBuilt = async (): Promise<boolean> =>
      (await proxy.describeIndexes(TARGET, ""))[0]!.progress.state === "Finished";
    const rounds: { readonly idle: Times; readonly beside: Times; readonly buildSeconds: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round > 0) await declare("FLAT");
      await measure(until(SETTLE_MILLISECONDS));
      const idle = await measure(until(IDLE_MILLISECONDS));
      const started = performance.now();
      await declare("HNSW");
      const beside = await measure(isBuilt);
      rounds.push({ idle, beside, buildSeconds: (performance.now() - started) / 1000 });
    }

    const figures = (times: Times): number[] =>
      [times.searches, times.inserts].flatMap((one) => [median(one), percentile(one, 0.99)]);
    const row = (name: string, all: readonly Times[]): string[] => [
      name,
      all.map(({ searches }) => searches.length).join(" + "),
      ...medians(all.map(figures)).map((milliseconds) => milliseconds.toFixed(2)),
    ];
    const ratios = rounds.map(({ idle, beside }) => {
      const alone = figures(idle);
      return figures(beside).map((milliseconds, at) => milliseconds / alone[at]!);
    });
    printTable(
      `Exact searches of ${ROWS} × ${DIMENSION} and inserts of ${INSERT_ROWS} rows, in turns with ${PAUSE_MILLISECONDS} ms between; medians of ${ROUNDS} rounds; a build took ${median(rounds.map(({ buildSeconds }) => buildSeconds)).toFixed(1)} s`,
      ["", "of each", "search, median ms", "p99 ms", "insert, median ms", "p99 ms"],
      [
        row(
          "nothing is built",
          rounds.map(({ idle }) => idle),
        ),
        row(
          "beside a build",
          rounds.map(({ beside }) => beside),
        ),
        ["ratio", "", ...medians(ratios).map(percent)],
        ...rounds.map((_, round) => [`ratio of round ${round + 1}`, "", ...ratios[round]!.map(percent)]),
      ],
    );
  } finally {
    await engine.close();
  }
}

/** Of each column. */
function medians(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, column) => median(rows.map((row) => row[column]!)));
}

function until(milliseconds: number): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() >= end;
}
