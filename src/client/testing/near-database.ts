/** An embedded database whose searches on the program's own thread can be told from the others. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { loadKernel } from "../../kernel/load.ts";
import type { EngineLimits } from "../../engine/limits.ts";
import { Elanus, type Link } from "../elanus.ts";
import { EngineLink } from "../engine-link.ts";
import type { Hit } from "../hits.ts";
import { NearSearches } from "../near-searches.ts";

export const DIMENSION = 16;
export const SKIP = loadKernel().name === "native" ? false : "the twin lends nothing";
/** More than are wanted before the engine is asked, whatever is copied here. */
const MOST_SEARCHES = 500;

export interface Opened {
  readonly db: Elanus;
  readonly link: EngineLink;
  /** Searches that the engine was asked for. */
  readonly asked: () => number;
}

/** `directory`: the caller's; else one of its own, which goes when the test ends. */
export async function opened(
  context: TestContext,
  limits: Partial<EngineLimits> = {},
  directory?: string,
): Promise<Opened> {
  const path = directory ?? (await mkdtemp(join(tmpdir(), "elanus-near-")));
  const settings = { directory: path, limits, wantsLog: false };
  const { link, timestamp, changes } = await EngineLink.open({ settings });
  let asked = 0;
  const counting: Link = {
    call: (name, argument, options) => {
      if (name === "search") asked += 1;
      return link.call(name, argument, options);
    },
    close: () => link.close(),
  };
  const near = new NearSearches(
    link,
    (collectionName, lastWrite, wanted) =>
      link.call("lend", { databaseName: "", collectionName, lastWrite, ...wanted }),
    changes,
  );
  const db = new Elanus(counting, timestamp, near);
  context.after(async () => {
    await db.close();
    if (directory === undefined) await rm(path, { recursive: true, force: true });
  });
  return { db, link, asked: () => asked };
}

/** The same floats for the same number. */
export function vectorOf(seed: number): Float32Array {
  let state = (seed + 1) * 2_654_435_761;
  return Float32Array.from({ length: DIMENSION }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Searches until one is made here; every answer is looked at. */
export async function untilNear(
  { db, asked }: Opened,
  name: string,
  search: object = {},
  look: (hits: Hit[]) => void = () => {},
): Promise<void> {
  for (let at = 0; at < MOST_SEARCHES; at += 1) {
    const before = asked();
    look(await db.search(name, { vector: vectorOf(at), limit: 5, ...search }));
    if (asked() === before) return;
    // The engine may be asked for what it lends meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`${MOST_SEARCHES} searches without a change, and the engine was asked for each`);
}
