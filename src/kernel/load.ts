/**
 * Which kernel serves: the native one if its addon was built for this machine, else the twin, which tells why.
 *
 * An addon that is there and refuses to start (say, `ELANUS_ISA` names an instruction set that is not to be had) is an error and no
 * reason to become a hundred times slower in silence.
 */

import { fileURLToPath } from "node:url";
import { SystemRuntime } from "../base/host/system.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { FilterKernel, PlaceKernel } from "./filter-kernel.ts";
import type { IndexKernel } from "./index-kernel.ts";
import { KernelError } from "./kernel.ts";
import type { Kernel } from "./kernel.ts";
import { NativeKernel } from "./native.ts";
import { TwinKernel } from "./twin/twin.ts";

export interface KernelChoice {
  /** `twin` is what a simulation asks for. Native if not given. */
  readonly prefer?: "native" | "twin";
  /** Where the twin yields between slices of work. The machine if not given. */
  readonly runtime?: Runtime;
  /** The addon's file, if it is not where the build puts it. */
  readonly addonPath?: string;
}

const ADDON_PATH = fileURLToPath(new URL("../../build/native/elanus-kernel.node", import.meta.url));

export function loadKernel({
  prefer = "native",
  runtime = new SystemRuntime(),
  addonPath = ADDON_PATH,
}: KernelChoice = {}): Kernel {
  if (prefer === "twin") return new TwinKernel(runtime, null);
  try {
    return NativeKernel.load(addonPath, runtime);
  } catch (error) {
    if (error instanceof KernelError) throw error;
    const firstLine = (error as Error).message.split("\n", 1)[0]!;
    return new TwinKernel(
      runtime,
      `the native kernel cannot be loaded (${firstLine}); npm run build makes it where there is a C++ compiler`,
    );
  }
}

/** The kernel's approximate indexes, or null: the twin has none, and its rows are searched exactly. */
export function indexesOf(kernel: Kernel): IndexKernel | null {
  return kernel instanceof NativeKernel ? kernel.indexes : null;
}

/** The kernel's filters, or null: the twin's are an oracle, slower than evaluating over columns. */
export function filtersOf(kernel: Kernel): (FilterKernel & PlaceKernel) | null {
  return kernel instanceof NativeKernel ? kernel.filters : null;
}
