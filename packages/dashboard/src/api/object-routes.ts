import { findDeadlocks } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { asJson } from "./as-json.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { full, inPath, jsonAnswer, jsonBody } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { Deadlock, ObjectView } from "./schemas.ts";

const tags = ["shared objects"];
/** Who holds an object and who waits for it changes without an event. */
const maxAge = 900;
const params = z.object({
  kind: inPath("kind", "Kind of the object, such as `lock`."),
  name: inPath("name", "Name of the object; a slash in it is written %2F."),
});
const unknown = problemAnswer("There is no object of that kind and name.");

const list = createRoute({
  method: "get",
  path: "/objects",
  middleware: shared(["objects"], { maxAge }),
  ...{ tags, summary: "Shared objects by kind and name, and who waits for each other without end" },
  request: {
    query: z.object({ kind: z.string().min(1).optional(), name: z.string().min(1).optional() }),
  },
  responses: {
    200: jsonAnswer(z.object({ objects: z.array(ObjectView), deadlocks: z.array(Deadlock) }), "The objects."),
    ...PROBLEMS,
  },
});

const get = createRoute({
  method: "get",
  path: "/objects/{kind}/{name}",
  middleware: shared(["objects"], { maxAge }),
  ...{ tags, summary: "One shared object" },
  request: { params, query: z.object({ full }) },
  responses: { 200: jsonAnswer(ObjectView, "The object."), 404: unknown, ...PROBLEMS },
});

const release = createRoute({
  method: "post",
  path: "/objects/{kind}/{name}/release",
  ...{ tags, summary: "Take an object back from those who hold it" },
  request: {
    params,
    body: jsonBody(
      z.strictObject({ session: z.string().min(1).optional().openapi({ description: "Only from this one." }) }),
      false,
    ),
  },
  responses: {
    200: jsonAnswer(z.object({ released: z.int() }), "How many held it."),
    404: unknown,
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

/** `/objects`: look at shared objects, and take them back. */
export function objectRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { objects } = inspector;

  app.openapi(list, async (context) => {
    const views = await objects.list(await objects.places(filterOf(context.req.valid("query"))));
    const deadlocks = findDeadlocks(views).map((waits) => ({ waits: [...waits] }));
    return context.json(asJson({ objects: views, deadlocks }), 200);
  });

  app.openapi(get, async (context) => {
    const place = context.req.valid("param");
    const view = await objects.get(place);
    return view ? context.json(asJson(view), 200) : refuse(404, noObject(place));
  });

  app.openapi(release, async (context) => {
    const place = context.req.valid("param");
    const body = context.req.valid("json") as { session?: string } | undefined;
    if (!(await objects.get(place))) return refuse(404, noObject(place));
    const released = await objects.release(place, { session: body?.session });
    return context.json({ released: released.length }, 200);
  });

  app.openapi(remove, async (context) => {
    const place = context.req.valid("param");
    const isRemoved = await objects.remove(place);
    return isRemoved ? context.json({ outcome: "removed" as const }, 200) : refuse(404, noObject(place));
  });

  return app;
}

function filterOf({ kind, name }: { kind?: string | undefined; name?: string | undefined }): {
  kind?: string;
  name?: string;
} {
  return { ...(kind !== undefined && { kind }), ...(name !== undefined && { name }) };
}

function noObject({ kind, name }: { kind: string; name: string }): string {
  return `there is no ${kind} "${name}"; GET /api/v1/objects lists them`;
}
