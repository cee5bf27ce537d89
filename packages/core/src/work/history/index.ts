export {
  finishUnstarted,
  type UnstartedEnd,
  unstartedArguments,
  unstartedKeys,
} from "./finish-unstarted.ts";
export { NOTE_ENDING } from "./note-ending.ts";
