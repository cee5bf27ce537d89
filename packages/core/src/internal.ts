/**
 * What the packages of manyhands share with each other. Not part of the public API: it changes without notice.
 */
export {
  BULL_SCRIPTS,
  type BullScript,
  bullFunction,
  bullScriptHash,
  MOVE_TO_ACTIVE_KEYS,
  openBullQueue,
  packArgument,
  readTaken,
  type TakenJob,
} from "./bull-queue/index.ts";
export * from "./codec/index.ts";
export * from "./connection/index.ts";
export * from "./context/index.ts";
export { environmentSetting, trimSetting, withoutByteOrderMark } from "./environment/index.ts";
export {
  addAwaitSite,
  assertOptions,
  failureSummary,
  namesOf,
  nearNames,
  originOf,
  plural,
  type RedisUnfitError,
  thrownMessage,
} from "./errors/index.ts";
export * from "./fleet/index.ts";
export * from "./inspection/index.ts";
export * from "./inspector/index.ts";
export { assertLogger } from "./logger/logger.ts";
export { RareWarnings } from "./logger/rare-warnings.ts";
export { visibleJson, visibleLine, visibleLines } from "./logger/visible.ts";
export * from "./object-inspection/index.ts";
export { OBJECT_KINDS } from "./object-kinds/index.ts";
export { codeFolder, packageFile } from "./package-files/index.ts";
export * from "./process/index.ts";
export * from "./protocol/index.ts";
export * from "./registry/index.ts";
export { bringJobBack, findAstrayJobs, type JobPlace } from "./results/astray-jobs.ts";
export { postAnswers } from "./results/post-answers.ts";
export { type OutcomePlace, StoredAnswers, type StoredError } from "./results/stored-answers.ts";
export { Script, SET_ASIDE } from "./script/index.ts";
export { Heart } from "./session/index.ts";
export { type DetachedCall, submitDetached } from "./submission/index.ts";
export * from "./tasks/index.ts";
export { LongTimer } from "./timers/index.ts";
