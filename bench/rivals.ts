/**
 * Databases in a program's own process, on the same rows: ours through `connect`, zvec and LanceDB from npm. Searches a second of processor time, one
 * at a time, at equal recall; then with filters; then after a tenth of the rows was written again, with no call that tidies up.
 *
 *     npm run bench -- rivals [wordnet=<folder> | text=<rows> | sift=<rows> | clusters=<rows>] [keep=<folder>] [only=<name>,…]
 *
 * Each is a process of its own, all its threads counted; rounds alternate; medians. What was built stays in the folder that `keep` names
 * and is copied before it is used.
 */

import type { Kernel } from "../src/kernel/kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { emptyBitset, setBit } from "../src/model/bitset.ts";
import { curvesOf, rateAt } from "./index/curves.ts";
import type { Answer, Point, Subject } from "./index/curves.ts";
import { K, rowsOf, withData } from "./index/data.ts";
import type { BenchData } from "./index/data.ts";
import { median, percent, printTable, sleep, thousands } from "./measure.ts";
import { BUCKETS, bucketOf } from "./rivals/database.ts";
import type { DatabaseName } from "./rivals/host.ts";
import { QUERIES, rivalOf } from "./rivals/rival.ts";
import type { Rival } from "./rivals/rival.ts";

const NAMES: readonly DatabaseName[] = ["elanus", "zvec", "lancedb"];
const ROUNDS = 3;
/** Buckets of a thousand that a filter allows. */
const FILTERS = [500, 100, 10, 1];
const RECALLS = [0.95, 0.99];
const TOGETHER = 100;
const WRITTEN_AGAIN = 0.1;
/** Minutes after the rewrite: while what was written is being put in order, and when it has been. */
const LATER_MINUTES = [1, 4];
const MINUTE_MILLISECONDS = 60_000;

export async function rivalsBench(parts: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(kernel.reason);
    return;
  }
  await withData(parts, kernel, async (data, others) => {
    const only = others.find((part) => part.startsWith("only="))?.slice(5);
    const rivals: Rival[] = [];
    try {
      for (const name of NAMES) if (only?.split(",").includes(name) ?? true) rivals.push(await rivalOf(name, data));
      await compare(kernel, data, rivals);
    } finally {
      for (const rival of rivals) await rival.end();
    }
  });
}

async function compare(kernel: Kernel, data: BenchData, rivals: readonly Rival[]): Promise<void> {
  printTable(
    "Built",
    ["", "what", "processor s", "MB on disk", "load"],
    rivals.map(({ name, about, built }) => [
      name,
      about,
      built.processorSeconds.toFixed(0),
      (built.bytes / 1e6).toFixed(0),
      built.load,
    ]),
  );
  const truth = await truthBelow(kernel, data, null);
  const searching = ({ name, search }: Rival) => ({ name, search: (width: number) => search(width, null, truth) });
  const subjects: Subject[] = rivals.map(searching);
  const [first] = rivals;
  // Only ours has a call for many.
  const together = (width: number): Promise<Answer> => first!.searchMany(width, TOGETHER, truth);
  if (first!.name === "elanus") subjects.push({ name: `elanus, ${TOGETHER} a call`, search: together });
  const curves = await curvesOf(subjects);
  for (const [name, points] of curves) {
    const line = (point: Point): string[] => [String(point.width), point.recall.toFixed(3), thousands(point.perSecond)];
    printTable(`${name}, by width`, ["ef", "recall", "searches a second"], points.map(line));
  }
  const ours = curves.get(first!.name)!;
  printTable(
    "Searches a second of a core, one at a time but where it says so, all threads counted; in brackets the first and the last / it",
    ["recall", ...curves.keys()],
    RECALLS.map((recall) => {
      const rates = [ours, [...curves.values()].at(-1)!].map((curve) => rateAt(curve, recall));
      const cell = (curve: readonly Point[]): string => {
        const other = rateAt(curve, recall);
        if (other === null) return "not reached";
        return `${thousands(other)} (${rates.map((rate) => (rate === null ? "-" : (rate / other).toFixed(2))).join(", ")})`;
      };
      return [recall.toFixed(2), ...[...curves.values()].map(cell)];
    }),
  );

  /** At the width that finds .95 of what is wanted without a filter. */
  const plain = rivals.map((rival) => {
    const curve = curves.get(rival.name)!;
    return { rival, ...(curve.find((point) => point.recall >= RECALLS[0]!) ?? curve.at(-1)!) };
  });
  const cells = async (buckets: number | null, wanted: Uint32Array): Promise<string[]> => {
    const answers = plain.map(() => [] as Answer[]);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [at, { rival, width }] of plain.entries()) {
        // Not measured, as in the curves.
        await rival.search(width, buckets, wanted);
        answers[at]!.push(await rival.search(width, buckets, wanted));
      }
    }
    return answers.map((own, at) => {
      const rate = median(own.map(({ perSecond }) => perSecond));
      const against = percent(rate / plain[at]!.perSecond);
      return `${thousands(rate)} (${own[0]!.recall.toFixed(3)}), ${against}`;
    });
  };
  const table: string[][] = [];
  for (const buckets of FILTERS) {
    const line = await cells(buckets, await truthBelow(kernel, data, buckets));
    table.push([`${(100 * buckets) / BUCKETS} % allowed`, ...line]);
  }
  for (const rival of rivals) {
    const count = Math.floor(WRITTEN_AGAIN * data.rowCount);
    const { seconds } = await rival.replace(count);
    console.log(`${rival.name}: ${thousands(count)} rows written again in ${seconds.toFixed(1)} s`);
  }
  table.push(["after 10 % were written again", ...(await cells(null, truth))]);
  let waited = 0;
  for (const minutes of LATER_MINUTES) {
    await sleep(MINUTE_MILLISECONDS * (minutes - waited));
    waited = minutes;
    table.push([`${minutes} min later`, ...(await cells(null, truth))]);
  }
  const columns = plain.map(({ rival, width }) => `${rival.name}, ef ${width}`);
  printTable("Searches a second (recall), of those without a filter", ["", ...columns], table);
}

/** The nearest among rows of buckets below this, of the first queries. */
async function truthBelow(kernel: Kernel, data: BenchData, buckets: number | null): Promise<Uint32Array> {
  const { rowCount, metric, dimension } = data;
  const rows = rowsOf(kernel, data, 0, rowCount);
  const allowed = buckets === null ? null : emptyBitset(rowCount);
  if (allowed !== null) {
    for (let row = 0; row < rowCount; row += 1) if (bucketOf(row) < buckets!) setBit(allowed, row);
  }
  const queries = data.queries.subarray(0, QUERIES * dimension);
  const hits = await kernel.exactSearch({ rows, rowCount, queries, metric, k: K, allowed, rank: null, range: null });
  kernel.close(rows);
  return hits.rows;
}
