export { ADD_AND_ASSIGN, ADD_AND_SORT } from "./add-in-bulk.ts";
export { BullQueues } from "./bull-queues.ts";
export {
  BULL_SCRIPTS,
  type BullScript,
  bullFunction,
  bullScriptHash,
  MOVE_KEYS,
  MOVE_TO_ACTIVE_KEYS,
  packArgument,
  readTaken,
  repeatedBullFunction,
  type TakenJob,
} from "./composed-script.ts";
export { indexTasks } from "./index-tasks.ts";
export { INDEXED_SCRIPTS, isRelayScript, UNCHANGED_SCRIPTS } from "./indexed-script.ts";
export { openBullQueue } from "./open-bull-queue.ts";
export { packStrings } from "./pack-strings.ts";
export { type AddingScript, AddRecorder, type RecordedAdd } from "./record-adds.ts";
