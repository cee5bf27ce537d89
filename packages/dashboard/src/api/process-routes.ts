import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { flag, inPath, jsonAnswer } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";
import { ProcessView } from "./schemas.ts";

const tags = ["processes"];
/** The output of a process comes without an event. */
const maxAge = 900;
const params = z.object({ id: inPath("id", "Id of a process, or its name where only one live process has it.") });
const unknown = problemAnswer("There is no process of that id or name.");
const Ending = z.object({ outcome: z.enum(["told", "withdrawn"]) }).openapi("ProcessEnding");

const list = createRoute({
  method: "get",
  path: "/processes",
  middleware: shared(["processes", "hosts"], { maxAge }),
  ...{ tags, summary: "Processes that wait or run, newest first" },
  request: {
    query: z.object({
      ended: flag.optional().openapi({ description: "Also those of the last hour that have ended." }),
      output: flag.optional().openapi({ description: "false: without what they wrote, for a list." }),
    }),
  },
  responses: { 200: jsonAnswer(z.object({ processes: z.array(ProcessView) }), "The processes."), ...PROBLEMS },
});

const get = createRoute({
  method: "get",
  path: "/processes/{id}",
  middleware: shared(["processes", "hosts"], { maxAge }),
  ...{ tags, summary: "One process" },
  request: { params },
  responses: { 200: jsonAnswer(ProcessView, "The process."), 404: unknown, ...PROBLEMS },
});

const ending = (how: "terminate" | "kill", summary: string) =>
  createRoute({
    method: "post",
    path: `/processes/{id}/${how}`,
    ...{ tags, summary },
    request: { params },
    responses: {
      200: jsonAnswer(Ending, "`told`: its host ends it; `withdrawn`: it never ran."),
      404: unknown,
      409: problemAnswer("It has ended."),
      ...PROBLEMS,
    },
  });

/** `/processes`: look at processes and end them. */
export function processRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const { processes } = inspector;

  app.openapi(list, async (context) => {
    const { ended, output = true } = context.req.valid("query");
    const found = await processes.list({ ended });
    return context.json(
      { processes: output ? found : found.map((process) => ({ ...process, stdout: "", stderr: "" })) },
      200,
    );
  });

  app.openapi(get, async (context) => {
    const { id } = context.req.valid("param");
    const process = await processes.get(id);
    return process ? context.json(process, 200) : refuse(404, noProcess(id));
  });

  const ways = [
    ending("terminate", "End a process with SIGTERM"),
    ending("kill", "End a process with SIGKILL"),
  ] as const;
  for (const [index, route] of ways.entries()) {
    app.openapi(route, async (context) => {
      const { id } = context.req.valid("param");
      const outcome = await (index === 0 ? processes.terminate(id) : processes.kill(id));
      if (outcome === "unknown") return refuse(404, noProcess(id));
      if (outcome === "ended") return refuse(409, { detail: `process ${id} has ended`, outcome });
      return context.json({ outcome }, 200);
    });
  }

  return app;
}

function noProcess(id: string): string {
  return `there is no process "${id}"; GET /api/v1/processes lists them`;
}
