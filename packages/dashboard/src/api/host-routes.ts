import type { HostRecord, KnownTask } from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { flag, inPath, jsonAnswer, jsonBody, numberIn } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { GoneHostView, HostLog, HostView, KnownTaskView } from "./schemas.ts";

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
  request: {
    query: z.object({ gone: flag.optional().openapi({ description: "Also those of the last day that are gone." }) }),
  },
  responses: {
    200: jsonAnswer(
      z.object({
        hosts: z.array(HostView),
        gone: z.array(GoneHostView).optional().openapi({ description: "Only where asked for; the last one first." }),
      }),
      "The hosts.",
    ),
    ...PROBLEMS,
  },
});

const log = createRoute({
  method: "get",
  path: "/hosts/{id}/log",
  middleware: shared([], { maxAge }),
  ...{ tags, summary: "The last lines of a host's log, also of one that is gone" },
  request: {
    params,
    query: z.object({
      level: z.enum(["info", "warn", "error"]).optional().openapi({ description: "The lowest; info without it." }),
      limit: numberIn(1, 600).optional().openapi({ description: "The last so many; 200 without it." }),
      since: numberIn(0, 8.64e15).optional().openapi({ description: "Only later ones, epoch ms." }),
      text: z.string().min(1).max(1_000).optional().openapi({ description: "Only those that contain it." }),
    }),
  },
  responses: {
    200: jsonAnswer(HostLog, "Of the last hour; warnings and errors of the last day."),
    404: problemAnswer("No host of that id or name is known."),
    ...PROBLEMS,
  },
});

const known = createRoute({
  method: "get",
  path: "/known-tasks",
  middleware: shared(["hosts"]),
  ...{ tags, summary: "The tasks that live hosts know, with what they say of each" },
  responses: { 200: jsonAnswer(z.object({ tasks: z.array(KnownTaskView) }), "The tasks, by name."), ...PROBLEMS },
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
  ...{ tags, summary: "Have a host finish what it runs, and end; until then it can be resumed" },
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
  ...{ tags, summary: "Let a host take work again that is quiet, or drains" },
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

  app.openapi(list, async (context) => {
    const [hosts, gone] = await Promise.all([
      fleet.list(),
      context.req.valid("query").gone ? fleet.gone() : Promise.resolve(undefined),
    ]);
    return context.json({ hosts: hosts.map(viewOf), ...(gone && { gone }) }, 200);
  });

  app.openapi(log, async (context) => {
    const { id } = context.req.valid("param");
    const lines = await fleet.logs(id, context.req.valid("query"));
    return lines ? context.json(lines, 200) : refuse(404, `no host "${id}" is known; GET /api/v1/hosts lists them`);
  });

  app.openapi(known, async (context) => context.json({ tasks: (await fleet.tasks()).map(knownOf) }, 200));

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

/** Options that a task has not are left out. */
function knownOf(task: KnownTask): z.infer<typeof KnownTaskView> {
  return { ...task, options: Object.fromEntries(Object.entries(task.options)) };
}

function viewOf(host: HostRecord): z.infer<typeof HostView> {
  const { tasks, troubles = [], processes, step = null, stepSince = null, canResume = false } = host;
  const { id, name, hostname, pid, slots, state, isolation, pools, running, children } = host;
  const { version, startedAt, beatAt, memory, completed, failed } = host;
  const { cpu = null, processors = null, machineMemory = null } = host;
  return {
    ...{
      id,
      name,
      hostname,
      pid,
      slots,
      state,
      step,
      stepSince,
      canResume,
      troubles,
      isolation,
      pools,
      running,
      children,
    },
    tasks: tasks.map((task) => task.name),
    processes: processes ? { limit: processes.limit, running: processes.running } : null,
    ...{ version, startedAt, beatAt, memory, cpu, processors, machineMemory, completed, failed },
  };
}
