import type { HostRecord } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { inPath, jsonAnswer, jsonBody } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { HostView } from "./schemas.ts";

const tags = ["hosts"];
/** What a host runs and how much memory it has changes without an event, with its heartbeat. */
const maxAge = 900;
const params = z.object({ id: inPath("id", "Id of a host, or its name where only one host has it.") });
const unknown = problemAnswer("No host of that id or name is alive.");

const list = createRoute({
  method: "get",
  path: "/hosts",
  middleware: shared(["hosts"], { maxAge }),
  ...{ tags, summary: "Live worker hosts, by name" },
  responses: { 200: jsonAnswer(z.object({ hosts: z.array(HostView) }), "The hosts."), ...PROBLEMS },
});

const get = createRoute({
  method: "get",
  path: "/hosts/{id}",
  // By its name it may be another one when hosts have come or gone.
  middleware: shared(["hosts"], { maxAge }),
  ...{ tags, summary: "One worker host" },
  request: { params },
  responses: { 200: jsonAnswer(HostView, "The host."), 404: unknown, ...PROBLEMS },
});

const drain = createRoute({
  method: "post",
  path: "/hosts/{id}/drain",
  ...{ tags, summary: "Have a host finish what it runs, and end" },
  request: {
    params,
    body: jsonBody(
      z.strictObject({
        grace: z.number().min(0).optional().openapi({ description: "Milliseconds for running tasks." }),
      }),
      false,
    ),
  },
  responses: { 202: jsonAnswer(HostView, "It was told."), 404: unknown, ...PROBLEMS },
});

const quiet = createRoute({
  method: "post",
  path: "/hosts/{id}/quiet",
  ...{ tags, summary: "Have a host take no more work, until it is resumed" },
  request: { params },
  responses: { 200: jsonAnswer(HostView, "It takes no more work."), 404: unknown, ...PROBLEMS },
});

const resume = createRoute({
  method: "post",
  path: "/hosts/{id}/resume",
  ...{ tags, summary: "Let a quiet host take work again" },
  request: { params },
  responses: { 200: jsonAnswer(HostView, "It takes work."), 404: unknown, ...PROBLEMS },
});

const resize = createRoute({
  method: "patch",
  path: "/hosts/{id}",
  ...{ tags, summary: "Change how many tasks a host runs at once" },
  request: { params, body: jsonBody(z.strictObject({ slots: z.int().min(1) }).openapi("HostChange")) },
  responses: { 200: jsonAnswer(HostView, "The host as it is now."), 404: unknown, ...PROBLEMS },
});

/** `/hosts`: look at worker hosts and steer them. */
export function hostRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { fleet } = inspector;

  app.openapi(list, async (context) => context.json({ hosts: (await fleet.list()).map(viewOf) }, 200));

  app.openapi(get, async (context) => {
    const { id } = context.req.valid("param");
    const host = await fleet.get(id);
    return host ? context.json(viewOf(host), 200) : refuse(404, noHost(id));
  });

  app.openapi(quiet, async (context) => {
    const { id } = context.req.valid("param");
    const host = await fleet.quiet(id);
    return host ? context.json(viewOf(host), 200) : refuse(404, noHost(id));
  });

  app.openapi(resume, async (context) => {
    const { id } = context.req.valid("param");
    const host = await fleet.resume(id);
    return host ? context.json(viewOf(host), 200) : refuse(404, noHost(id));
  });

  app.openapi(resize, async (context) => {
    const { id } = context.req.valid("param");
    const host = await fleet.resize(id, context.req.valid("json").slots);
    return host ? context.json(viewOf(host), 200) : refuse(404, noHost(id));
  });

  app.openapi(drain, async (context) => {
    const { id } = context.req.valid("param");
    const body = context.req.valid("json") as { grace?: number } | undefined;
    const host = await fleet.drain(id, { grace: body?.grace });
    return host ? context.json(viewOf(host), 202) : refuse(404, noHost(id));
  });

  return app;
}

function noHost(id: string): string {
  return `no host "${id}" is alive; GET /api/v1/hosts lists them`;
}

function viewOf(host: HostRecord): z.infer<typeof HostView> {
  const { tasks, troubles = [], processes, step = null, stepSince = null } = host;
  const { id, name, hostname, pid, slots, state, isolation, pools, running, children } = host;
  const { version, startedAt, beatAt, memory, completed, failed } = host;
  return {
    ...{ id, name, hostname, pid, slots, state, step, stepSince, troubles, isolation, pools, running, children },
    tasks: tasks.map((task) => task.name),
    processes: processes ? { limit: processes.limit, running: processes.running } : null,
    ...{ version, startedAt, beatAt, memory, completed, failed },
  };
}
