export {
  finishUnstarted,
  type UnstartedEnd,
  unstartedArguments,
  unstartedKeys,
} from "./finish-unstarted.ts";
export { readNamespaceKeep, writeNamespaceKeep } from "./namespace-keep.ts";
export { NOTE_ENDING } from "./note-ending.ts";
export {
  forgetEnded,
  fullHistories,
  histories,
  TRIMMED_AT_ONCE,
  type TrimPlace,
  trimHistory,
  trimOnce,
} from "./trim-history.ts";
