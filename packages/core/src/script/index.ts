export { Script } from "./script.ts";
export { SET_ASIDE } from "./set-aside.ts";
