import { type Facets, FIND_STATES } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { jsonAnswer, numberIn } from "./parameters.ts";
import { PROBLEMS } from "./problem.ts";

/** How long blocked tasks are counted for the list of states, ms. */
const COUNT_TIME = 400;

const facets = createRoute({
  method: "get",
  path: "/facets",
  middleware: shared(["tasks", "hosts"]),
  ...{ tags: ["tasks"], summary: "Values of a filter that contain a text, and how many tasks have each" },
  request: {
    query: z.object({
      field: z.enum(["pool", "state", "task", "tag", "host"]),
      text: z.string().max(1_000).optional(),
      pool: z.string().min(1).optional().openapi({ description: "With `state`: counts of this pool." }),
      limit: numberIn(1, 100).optional().openapi({ description: "20 without it." }),
    }),
  },
  responses: {
    200: jsonAnswer(
      z
        .object({
          values: z.array(z.object({ value: z.string(), count: z.int() })),
          isPartial: z.boolean().openapi({ description: "There are more values than were looked at, or are told." }),
        })
        .openapi("Facets", {
          description:
            "The most frequent first. Of task, tag and host as the index counts them: tasks that were removed a short while ago count.",
        }),
      "The values.",
    ),
    ...PROBLEMS,
  },
});

/** `/facets`: what filters of tasks can be completed with. */
export function facetRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();

  app.openapi(facets, async (context) => {
    const { field, text = "", pool, limit = 20 } = context.req.valid("query");
    if (field === "state") return context.json(await countStates(text, pool), 200);
    if (field === "pool") return context.json(cut(await countPools(text), limit), 200);
    const found = await inspector.tasks.facets({ field, text, limit });
    if (field !== "host") return context.json(found, 200);
    const hosts = await inspector.fleet.list();
    const live = hosts.map(({ name }) => name).filter((name) => name.includes(text));
    const more = [...new Set(live)].filter((name) => found.values.every(({ value }) => value !== name));
    const values = [...found.values, ...more.map((value) => ({ value, count: 0 }))];
    return context.json({ ...cut(values, limit), isPartial: found.isPartial || values.length > limit }, 200);
  });

  async function countPools(text: string): Promise<Facets["values"]> {
    const pools = await inspector.pools.list();
    const values = pools
      .filter(({ name, owner }) => name.includes(text) && (owner === null || text !== ""))
      .map(({ name, ...counts }) => ({ value: name, count: sumOf(counts) }));
    return values.sort((left, right) => right.count - left.count || (left.value < right.value ? -1 : 1));
  }

  async function countStates(text: string, only: string | undefined): Promise<Facets> {
    const pools = (await inspector.pools.list()).filter(({ name }) => only === undefined || name === only);
    const sum = (name: (typeof COUNTED)[number] | "parked" | "limited"): number =>
      pools.reduce((all, pool) => all + pool[name], 0);
    const counted = new Map<string, number>(COUNTED.map((name) => [name, sum(name)]));
    // BullMQ has these among the delayed ones; they are found as waiting.
    const aside = Math.min(sum("parked") + sum("limited"), sum("delayed"));
    counted.set("waiting", sum("waiting") + aside).set("delayed", sum("delayed") - aside);
    const blocked = await inspector.tasks
      .count(
        { state: "blocked", ...(only !== undefined && { pool: only }) },
        { signal: AbortSignal.timeout(COUNT_TIME) },
      )
      .catch((error: unknown) => {
        if (error instanceof DOMException) return null;
        throw error;
      });
    if (blocked !== null) counted.set("blocked", blocked);
    const values = FIND_STATES.filter((state) => state.includes(text) && counted.has(state));
    return {
      values: values.map((value) => ({ value, count: counted.get(value) ?? 0 })),
      isPartial: blocked === null,
    };
  }

  return app;
}

const COUNTED = ["waiting", "prioritized", "delayed", "active", "completed", "failed", "cancelled"] as const;

function sumOf(counts: Record<(typeof COUNTED)[number], number>): number {
  return COUNTED.reduce((all, name) => all + counts[name], 0);
}

function cut(values: Facets["values"], limit: number): Facets {
  return { values: values.slice(0, limit), isPartial: values.length > limit };
}
