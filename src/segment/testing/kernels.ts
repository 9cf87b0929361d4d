/** The kernels that segments are tested with. Where there is no addon the second one is the twin again. */

import { SystemRuntime } from "../../base/host/system.ts";
import type { ExactSearch, Kernel, SearchHits } from "../../kernel/kernel.ts";
import { loadKernel } from "../../kernel/load.ts";
import { TwinKernel } from "../../kernel/twin/twin.ts";

export const KERNELS: readonly (() => Kernel)[] = [() => loadKernel({ prefer: "twin" }), () => loadKernel()];

/** Counts searches. */
export class CountingKernel extends TwinKernel {
  searches = 0;

  constructor() {
    super(new SystemRuntime(), null);
  }

  override exactSearch(search: ExactSearch, signal?: AbortSignal): Promise<SearchHits> {
    this.searches += 1;
    return super.exactSearch(search, signal);
  }
}
