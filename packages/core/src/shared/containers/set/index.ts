export { createSet, SetProxy } from "./set.ts";
export { SET_KIND } from "./set-operations.ts";
