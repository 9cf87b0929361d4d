/** The table of commands: what is in it works; help and parsing come from it. */

import type { Command } from "./command.ts";
import { inspectFiles } from "./commands/inspect-files.ts";
import { inspectIndex, inspectIndexes } from "./commands/inspect-index.ts";
import { inspectChannels, inspectMeta, inspectSegment, inspectSegments } from "./commands/inspect-meta.ts";
import { inspectWal } from "./commands/inspect-wal.ts";
import { serve } from "./commands/serve.ts";
import { tail } from "./commands/tail.ts";

export const COMMANDS: readonly Command[] = [
  serve,
  inspectFiles,
  inspectMeta,
  inspectChannels,
  inspectSegments,
  inspectSegment,
  inspectIndexes,
  inspectIndex,
  inspectWal,
  tail,
];
