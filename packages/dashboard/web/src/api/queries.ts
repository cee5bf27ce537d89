import { QueryClient, queryOptions } from "@tanstack/react-query";
import { call, type QueryValue } from "./call.ts";
import { ApiProblem } from "./problem.ts";

export const queryClient: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The live view says when something has changed.
      staleTime: 30_000,
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => error instanceof ApiProblem && (error.status === 0 || error.status >= 500) && count < 2,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

/** What a reading depends on. */
interface ReadingOptions {
  topics: readonly string[];
  query?: Readonly<Record<string, QueryValue>>;
  /**
   * Of what changes without an event, such as the memory of a host or the log of a task: it is read again after so long while it
   * is shown, ms; all tabs together cost one reading. At least 1 000.
   */
  every?: number;
  /** Reads only what has changed, where the answer is a long list. */
  part?: Part;
}

/** How some entries of a list are read alone. */
export interface Part {
  /** A change of `<topic>/<name>` concerns the entry of that name alone. */
  topic: string;
  /** Most entries that are read so at once: of more, all are. */
  most: number;
  read: (names: readonly string[]) => Promise<unknown>;
  /**
   * @param whole - The answer as it is shown
   * @param part - What was read of these names; an entry that it lacks is gone
   * @param age - How long ago `whole` was made, ms
   */
  merge: (whole: never, part: never, change: { names: readonly string[]; age: number }) => unknown;
}

/**
 * A reading of the API that is made again when something of its topics changes. A topic is a path, such as
 * `pools/images`; a change of it concerns readings of `pools`, of `pools/images` and of what is below.
 *
 * @example
 * useQuery(reading<{ pools: PoolView[] }>("/pools", { topics: ["pools"] }))
 */
export function reading<Answer>(path: string, { topics, query = {}, every, part }: ReadingOptions) {
  return queryOptions({
    queryKey: [path, query] as const,
    queryFn: ({ signal }) => call<Answer>(path, { query, signal }),
    meta: { topics, every, part },
  });
}

/** Whether a change of `changed` concerns a reading of `wanted`. */
export function concerns(changed: string, wanted: string): boolean {
  return changed === "*" || changed === wanted || changed.startsWith(`${wanted}/`) || wanted.startsWith(`${changed}/`);
}
