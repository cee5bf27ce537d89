import { type Contents, valueTree } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import type { Redaction } from "../values/redaction.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { asJson } from "./as-json.ts";
import { ObjectContents, ObjectPage, ObjectView, WaitGraph } from "./object-schemas.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { full, inPath, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";

const tags = ["shared objects"];
/** Who holds an object and who waits for it changes without an event. */
const maxAge = 900;
const params = z.object({
  kind: inPath("kind", "Kind of the object, such as `lock`."),
  name: inPath("name", "Name of the object; a slash in it is written %2F."),
});
const unknown = problemAnswer("There is no object of that kind and name.");
const text = z.string().min(1).max(1_000);
const LARGEST_PAGE = 500;

const list = createRoute({
  method: "get",
  path: "/objects",
  middleware: shared(["objects"], { maxAge }),
  ...{ tags, summary: "A page of the shared objects, by kind and name" },
  request: {
    query: z.strictObject({
      kind: text.optional(),
      name: text.optional(),
      text: text.optional().openapi({ description: "Part of the name." }),
      limit: numberIn(1, LARGEST_PAGE).optional().openapi({ description: "Most objects of the page; 100 without it." }),
      cursor: text.optional().openapi({ description: "`cursor` of the page before." }),
      full,
    }),
  },
  responses: { 200: jsonAnswer(ObjectPage, "The page."), ...PROBLEMS },
});

const get = createRoute({
  method: "get",
  path: "/objects/{kind}/{name}",
  middleware: shared(["objects"], { maxAge }),
  ...{ tags, summary: "One shared object" },
  request: { params, query: z.object({ full }) },
  responses: { 200: jsonAnswer(ObjectView, "The object."), 404: unknown, ...PROBLEMS },
});

const contents = createRoute({
  method: "get",
  path: "/objects/{kind}/{name}/contents",
  middleware: shared(["objects"], { maxAge }),
  ...{ tags, summary: "A page of what an object holds; looking takes nothing out" },
  request: {
    params,
    query: z.strictObject({
      limit: numberIn(1, LARGEST_PAGE).optional().openapi({ description: "Most entries of the page; 50 without it." }),
      cursor: text.optional().openapi({ description: "`cursor` of the page before." }),
      search: text
        .optional()
        .openapi({ description: "Part of a key, of a dict or a namespace, or of an item of a set." }),
      from: numberIn(0, Number.MAX_SAFE_INTEGER)
        .optional()
        .openapi({ description: "Position of the first item of a list, an array or a queue." }),
      end: numberIn(0, 1)
        .optional()
        .openapi({ description: "For which end of a pipe the messages are; 0 without it." }),
      values: z
        .enum(["plain", "typed"])
        .optional()
        .openapi({ description: "`typed`: `node` in place of `value`, with the types of all that is in it." }),
      full,
    }),
  },
  responses: { 200: jsonAnswer(ObjectContents, "The page."), 404: unknown, ...PROBLEMS },
});

const release = createRoute({
  method: "post",
  path: "/objects/{kind}/{name}/release",
  ...{ tags, summary: "Take an object back from those who hold it" },
  request: {
    params,
    body: jsonBody(
      z
        .strictObject({
          session: z.string().min(1).optional().openapi({ description: "Only from this one." }),
          permits: z
            .int()
            .min(1)
            .optional()
            .openapi({ description: "Of a semaphore: give back so many that were taken without a lease." }),
        })
        .refine(({ session, permits }) => session === undefined || permits === undefined, "give session or permits"),
      false,
    ),
  },
  responses: {
    200: jsonAnswer(z.object({ released: z.int() }), "How many held it, or how many permits were given back."),
    404: unknown,
    409: problemAnswer("It has fewer permits out."),
    ...PROBLEMS,
  },
});

const remove = createRoute({
  method: "delete",
  path: "/objects/{kind}/{name}",
  ...{ tags, summary: "Remove an object; who waits for it is told" },
  request: { params },
  responses: { 200: jsonAnswer(z.object({ outcome: z.literal("removed") }), "It is gone."), 404: unknown, ...PROBLEMS },
});

const graph = createRoute({
  method: "get",
  path: "/wait-graph",
  middleware: shared(["objects"], { maxAge }),
  ...{ tags, summary: "Who waits for what, who has it, and what ends a deadlock" },
  responses: { 200: jsonAnswer(WaitGraph, "The graph."), ...PROBLEMS },
});

/** `/objects` and `/wait-graph`: look at shared objects and at who waits for them, and take them back. */
export function objectRoutes({ inspector }: ApiPlace, redaction: Redaction): OpenAPIHono {
  const app = apiApp();
  const { objects } = inspector;

  app.openapi(list, async (context) => {
    const { full: _, ...query } = context.req.valid("query");
    return context.json(asJson(await objects.page(query)), 200);
  });

  app.openapi(graph, async (context) => context.json(await objects.waitGraph(), 200));

  app.openapi(get, async (context) => {
    const place = context.req.valid("param");
    const view = await objects.get(place);
    return view ? context.json(asJson(view), 200) : refuse(404, noObject(place));
  });

  app.openapi(contents, async (context) => {
    const place = context.req.valid("param");
    const { end, values, full: _, ...query } = context.req.valid("query");
    const found = await objects.contents(place, { ...query, end: end === 1 ? 1 : 0 });
    if (found) return context.json(presentContents(found, values === "typed" ? redaction : null), 200);
    if (await objects.get(place)) return refuse(404, `a ${place.kind} holds nothing that could be listed`);
    return refuse(404, noObject(place));
  });

  app.openapi(release, async (context) => {
    const place = context.req.valid("param");
    const { session, permits } =
      (context.req.valid("json") as { session?: string; permits?: number } | undefined) ?? {};
    if (!(await objects.get(place))) return refuse(404, noObject(place));
    if (permits === undefined) {
      const released = await objects.release(place, { session });
      return context.json({ released: released.length }, 200);
    }
    if (place.kind !== "semaphore") return refuse(400, `permits are of a semaphore; a ${place.kind} has none`);
    const isGiven = await objects.releasePermits(place.name, permits);
    const most = `fewer than ${permits} permits of the semaphore "${place.name}" are out without a lease`;
    return isGiven ? context.json({ released: permits }, 200) : refuse(409, { detail: most, outcome: "fewer" });
  });

  app.openapi(remove, async (context) => {
    const place = context.req.valid("param");
    const isRemoved = await objects.remove(place);
    return isRemoved ? context.json({ outcome: "removed" as const }, 200) : refuse(404, noObject(place));
  });

  return app;
}

/** The values as JSON has them; for a page that shows their types, as trees without what the redaction hides. */
function presentContents(found: Contents, redaction: Redaction | null): z.infer<typeof ObjectContents> {
  const entries = found.entries.map((entry) => {
    const { key, value, ...rest } = entry;
    const path = ["value", ...(typeof key === "string" ? [key] : [])];
    const shown = redaction
      ? { node: valueTree(value, { path, isHidden: (part) => redaction.hides(part) }) }
      : { value: asJson(value) };
    return { ...rest, ...("key" in entry && { key: asJson(key) }), ...("value" in entry && shown) };
  });
  return { ...found, entries };
}

function noObject({ kind, name }: { kind: string; name: string }): string {
  return `there is no ${kind} "${name}"; GET /api/v1/objects lists them`;
}
