/**
 * The kernel's graph index, lean and packed, beside libraries: what a build takes, memory, searches a second of one core at equal recall,
 * and what filters cost.
 *
 *     npm run bench -- index [wordnet=<folder> | text=<rows> | sift=<rows> | clusters=<rows>] [keep=<folder>] [again]
 *                            [peers=<name>,…] [layouts=<name>,…] [segments=<n>] [threads=<n>]
 *                            [unfiltered | filters]
 *
 * Rounds of all alternate, so that a busy machine troubles them alike; rates are medians over rounds of all queries in one call, on
 * processor time, one thread. Read the ratios. Recall is of the 10 nearest, against an exact search. Data, indexes and what building
 * them took stay in the folder that `keep` names, and are used from there, unless `again` says to build again. `threads` is of builds. `filters`: nothing
 * but their tables.
 */

import type { GraphLayout } from "../src/kernel/index-kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import type { KnownBuilt } from "./index/built.ts";
import { curvesOf, rateAt } from "./index/curves.ts";
import type { Point, Subject } from "./index/curves.ts";
import { rowsOf, truthOf, withData } from "./index/data.ts";
import type { BenchData } from "./index/data.ts";
import { filterTable } from "./index/filters.ts";
import { BEAM, M, OwnIndex } from "./index/own.ts";
import { PEERS, peerOf } from "./index/peer.ts";
import type { Peer } from "./index/peer.ts";
import { printTable, thousands } from "./measure.ts";

const RECALLS = [0.9, 0.95, 0.98, 0.99];

const LAYOUTS: readonly GraphLayout[] = ["packed", "lean"];

interface Options {
  readonly peers: readonly string[];
  readonly layouts: readonly GraphLayout[];
  readonly segments: number;
  readonly threads: number;
  readonly again: boolean;
  readonly filters: boolean;
  readonly curves: boolean;
}

export async function indexBench(parts: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) console.log(kernel.reason);
  else await withData(parts, kernel, (data, others) => benchOf(kernel, data, optionsOf(others)));
}

function optionsOf(parts: readonly string[]): Options {
  let options: Options = {
    peers: PEERS,
    layouts: LAYOUTS,
    segments: 1,
    threads: 1,
    again: false,
    filters: true,
    curves: true,
  };
  for (const part of parts) {
    const [name, argument = ""] = part.split("=", 2);
    if (name === "peers") options = { ...options, peers: argument.split(",") };
    else if (name === "layouts")
      options = { ...options, layouts: LAYOUTS.filter((known) => argument.split(",").includes(known)) };
    else if (name === "segments" && Number(argument) >= 1) options = { ...options, segments: Number(argument) };
    else if (name === "threads" && Number(argument) >= 1) options = { ...options, threads: Number(argument) };
    else if (part === "again") options = { ...options, again: true };
    else if (part === "filters") options = { ...options, curves: false };
    else if (part === "unfiltered") options = { ...options, filters: false };
    else throw new Error(`index knows no ${part}; bench/index.ts says what it knows`);
  }
  return options;
}

async function benchOf(kernel: NativeKernel, data: BenchData, options: Options): Promise<void> {
  const rows = rowsOf(kernel, data, 0, data.rowCount);
  const truth = await truthOf(kernel, data, rows);
  kernel.close(rows);
  const { again, threads } = options;
  const own: OwnIndex[] = [];
  for (const segments of new Set([1, options.segments])) {
    for (const layout of options.layouts) {
      own.push(await OwnIndex.open(kernel, data, { layout, segments, threads, again }));
    }
  }
  if (options.curves) await compare(data, own, truth, options);
  if (options.filters) for (const index of own.slice(0, options.layouts.length)) await filterTable(kernel, data, index);
  for (const index of own) index.close();
}

async function compare(
  data: BenchData,
  own: readonly OwnIndex[],
  truth: Uint32Array,
  { peers: names, layouts, threads, again }: Options,
): Promise<void> {
  const { dimension, rowCount } = data;
  const peers: Peer[] = [];
  for (const name of PEERS.filter((known) => names.includes(known))) {
    const peer = await peerOf(name, data, threads, again);
    if (peer !== null) peers.push(peer);
  }
  buildTable([...own, ...peers], (4 * dimension * rowCount) / 1e6);

  const subjects: Subject[] = [
    ...own.map((index) => ({ name: index.name, search: (ef: number) => index.search(ef, truth) })),
    ...peers,
  ];
  const curves = await curvesOf(subjects);
  for (const peer of peers) peer.end();
  for (const { name } of own) {
    const points = curves
      .get(name)!
      .map(({ width, recall, perSecond }) => [String(width), recall.toFixed(3), thousands(perSecond)]);
    printTable(`${name}, by width`, ["ef", "recall", "searches a second"], points);
  }
  rateTable(
    curves,
    own.slice(0, layouts.length).map(({ name }) => name),
  );
}

function buildTable(all: readonly { readonly name: string; readonly built: KnownBuilt }[], rawMegabytes: number): void {
  const first = all.find(({ name }) => name === PEERS[0])?.built;
  const part = (one: number, of: number | undefined): string => (of === undefined ? "" : (one / of).toFixed(2));
  const raw = `ours without raw rows (${rawMegabytes.toFixed(0)} MB, mapped), the others with them`;
  const columns = ["processor s", `/ ${PEERS[0]}`, "wall s", `/ ${PEERS[0]}`, "threads", "load", "MB", `/ ${PEERS[0]}`];
  printTable(
    `Build (M ${M}; beam ${BEAM}, efConstruction 200), and memory; ${raw}`,
    ["", ...columns],
    all.map(({ name, built }) => [
      name,
      built.processorSeconds.toFixed(1),
      part(built.processorSeconds, first?.processorSeconds),
      built.wallSeconds.toFixed(1),
      part(built.wallSeconds, first?.wallSeconds),
      String(built.threads),
      built.load,
      (built.bytes / 1e6).toFixed(0),
      part(built.bytes, first?.bytes),
    ]),
  );
}

/** `own` are the names of our indexes that all are compared with. */
function rateTable(curves: ReadonlyMap<string, readonly Point[]>, own: readonly string[]): void {
  printTable(
    `Searches a second of one core at equal recall, between the measured widths; in brackets ${own.map((name) => `${name} / it`).join(", ")}`,
    ["recall", ...curves.keys()],
    RECALLS.map((recall) => {
      const rates = [...curves.values()].map((curve) => rateAt(curve, recall));
      const ours = own.map((name) => rateAt(curves.get(name)!, recall));
      const cell = (rate: number | null): string => {
        if (rate === null) return "not reached";
        const ratios = ours.map((one) => (one == null ? "-" : (one / rate).toFixed(2)));
        return `${thousands(rate)} (${ratios.join(", ")})`;
      };
      return [recall.toFixed(2), ...rates.map(cell)];
    }),
  );
}
