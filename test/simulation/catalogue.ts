/** Every scenario that there is, by the names of the fault catalogue. */

import type { Scenario } from "./scenario.ts";
import { compactionBeside, compactionDies } from "./scenarios/compaction.ts";
import {
  deleteAndInsertAtOnce,
  deleteByFilter,
  deleteRefused,
  deletedBeforeLoad,
  deletedDuringLoad,
  handoff,
  upsertStorm,
} from "./scenarios/deletes.ts";
import { filesWithoutRecord, recordUnknown, recordWithoutAnswer } from "./scenarios/flush.ts";
import {
  ackLost,
  neverAppended,
  reverseCompletion,
  tornTransaction,
  transactionsOverCheckpoint,
} from "./scenarios/log.ts";
import { rowsExpire } from "./scenarios/expiry.ts";
import { mix, mixOfTransactions } from "./scenarios/mix.ts";
import { namedWrites } from "./scenarios/names.ts";
import { program } from "./scenarios/program.ts";
import { schemaDuringInserts } from "./scenarios/schema.ts";
import { deletesReplayed, filterOfKeys, spreadDies } from "./scenarios/spread-deletes.ts";

export const SCENARIOS: readonly Scenario[] = [
  ackLost,
  neverAppended,
  reverseCompletion,
  tornTransaction,
  transactionsOverCheckpoint,
  filesWithoutRecord,
  recordWithoutAnswer,
  recordUnknown,
  schemaDuringInserts,
  rowsExpire,
  deletedBeforeLoad,
  deletedDuringLoad,
  deleteRefused,
  upsertStorm,
  deleteAndInsertAtOnce,
  spreadDies,
  deleteByFilter,
  filterOfKeys,
  deletesReplayed,
  handoff,
  compactionDies,
  compactionBeside,
  mix,
  mixOfTransactions,
  namedWrites,
  program,
];
