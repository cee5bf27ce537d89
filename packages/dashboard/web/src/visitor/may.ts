import { useQuery } from "@tanstack/react-query";
import type { Visitor } from "../../../src/api/types.ts";
import type { Action } from "../../../src/visitors/roles.ts";
import { reading } from "../api/queries.ts";
import { useWords } from "../words/index.ts";

export type { Action };

/** Who looks at this page; undefined until it is known. */
export function useVisitor(): Visitor | undefined {
  return useQuery(reading<Visitor>("/me", { topics: ["me"] })).data;
}

/**
 * Why the one who looks may not do something, in a sentence; undefined when they may. The server checks it again.
 *
 * @example
 * <Action disabled={useMay("cancel")} … />
 */
export function useMay(action: Action): string | undefined {
  const { visitor: said } = useWords();
  const visitor = useVisitor();
  if (visitor === undefined || visitor.may[action] !== false) return undefined;
  const needed = visitor.needs[action];
  return needed === undefined ? said.readOnly : said.needs(said.roles[needed], said.roles[visitor.role]);
}
