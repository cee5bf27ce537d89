export { type ArrayContents, ArrayProxy, createArray } from "./array.ts";
export { ARRAY_KIND } from "./array-kind.ts";
