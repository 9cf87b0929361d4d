/** Every scenario that there is, by the names of the fault catalogue. */

import type { Scenario } from "./scenario.ts";
import { deleteByFilter, deletedBeforeLoad, deletedDuringLoad, handoff, upsertStorm } from "./scenarios/deletes.ts";
import { filesWithoutRecord, recordUnknown, recordWithoutAnswer } from "./scenarios/flush.ts";
import {
  ackLost,
  neverAppended,
  reverseCompletion,
  tornTransaction,
  transactionsOverCheckpoint,
} from "./scenarios/log.ts";
import { mix, mixOfTransactions } from "./scenarios/mix.ts";

export const SCENARIOS: readonly Scenario[] = [
  ackLost,
  neverAppended,
  reverseCompletion,
  tornTransaction,
  transactionsOverCheckpoint,
  filesWithoutRecord,
  recordWithoutAnswer,
  recordUnknown,
  deletedBeforeLoad,
  deletedDuringLoad,
  upsertStorm,
  deleteByFilter,
  handoff,
  mix,
  mixOfTransactions,
];
