export { createSet, SetProxy } from "./set.ts";
export { SET_KIND } from "./set-kind.ts";
