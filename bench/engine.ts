/**
 * The engine as a whole, each part beside the limit that it runs against: inserts beside the disk, exact search beside the memory, searches
 * through an index beside exact ones, starts, idling, how long the event loop is held up by large requests, and what compactions
 * and index builds cost those beside them.
 *
 * Always true: each part makes its own data in a directory of its own, and removes it.
 */

import { answersBench } from "./engine/answers.ts";
import { approximateBench } from "./engine/approximate.ts";
import { buildsBench } from "./engine/builds.ts";
import { compactionBench } from "./engine/compaction.ts";
import { idleBench } from "./engine/idle.ts";
import { insertBench } from "./engine/insert.ts";
import { loopBench } from "./engine/loop.ts";
import { pymilvusBench } from "./engine/pymilvus.ts";
import { searchBench } from "./engine/search.ts";
import { startBench } from "./engine/start.ts";
import { printLoad } from "./measure.ts";

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  insert: insertBench,
  pymilvus: pymilvusBench,
  search: searchBench,
  approximate: approximateBench,
  start: startBench,
  idle: idleBench,
  loop: loopBench,
  answers: answersBench,
  compaction: compactionBench,
  builds: buildsBench,
};

export async function engineBench(parts: readonly string[]): Promise<void> {
  const unknown = parts.find((part) => PARTS[part] === undefined);
  if (unknown !== undefined) {
    throw new Error(`engine has no part ${unknown}; its parts are ${Object.keys(PARTS).join(", ")}`);
  }
  for (const part of parts.length === 0 ? Object.keys(PARTS) : parts) {
    console.log(`\n# engine ${part}`);
    printLoad();
    await PARTS[part]!();
  }
}
