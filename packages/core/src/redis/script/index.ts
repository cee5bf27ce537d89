export { named } from "./named-reply.ts";
export { NOTE_CHANGE, noteChanges } from "./note-change.ts";
export { KNOWN_ANSWER, OnceScript, Operations } from "./once-script.ts";
export { RATE } from "./rate.ts";
export { Script } from "./script.ts";
export { READ_MICROS, SERVER_TIME } from "./server-time.ts";
export { SET_ASIDE } from "./set-aside.ts";
