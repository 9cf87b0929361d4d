/**
 * What building an index took, kept beside its file, so that later runs search it and need not build it again.
 *
 * Always true: a figure that was kept tells the load under which it was taken.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";

export interface Built {
  readonly processorSeconds: number;
  readonly wallSeconds: number;
  readonly threads: number;
  readonly bytes: number;
}

export type KnownBuilt = Built & { readonly load: string };

/** `make` runs if nothing is kept, or if all is to be built again. */
export async function keptBuild(
  folder: string,
  name: string,
  again: boolean,
  make: () => Promise<Built>,
): Promise<KnownBuilt> {
  const path = join(folder, `${name}.build.json`);
  if (!again && existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as KnownBuilt;
  const load = loadavg()[0]!.toFixed(1);
  const built = { ...(await make()), load };
  writeFileSync(path, JSON.stringify(built));
  return built;
}
