export { createDict, type DictEntries, DictProxy } from "./dict.ts";
export { DICT_KIND } from "./dict-kind.ts";
