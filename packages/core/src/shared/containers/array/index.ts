export { type ArrayContents, type ArrayProxy, createArray, openArray } from "./array.ts";
export { ARRAY_KIND } from "./array-operations.ts";
