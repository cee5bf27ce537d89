export { createSet, type Items, SetProxy } from "./set.ts";
export { SET_KIND } from "./set-operations.ts";
