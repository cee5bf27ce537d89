export { createList, ListProxy, type SortOptions } from "./list.ts";
export { LIST_KIND } from "./list-kind.ts";
