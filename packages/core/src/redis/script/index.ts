export { named } from "./named-reply.ts";
export { KNOWN_ANSWER, OnceScript, Operations } from "./once-script.ts";
export { Script } from "./script.ts";
export { SET_ASIDE } from "./set-aside.ts";
