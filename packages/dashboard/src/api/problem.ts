import {
  ManyhandsError,
  RedisUnfitError,
  SerializationError,
  TaskUnknownError,
  TimeoutError,
  ValueError,
} from "@manyhands/core";
import { SharedIdError } from "@manyhands/core/internal";
import type { Context } from "hono";
import { z } from "./open-api.ts";

/** What went wrong, as RFC 9457 ("problem details") has it. */
export const Problem = z
  .object({
    type: z.string().openapi({ description: "Names the kind of problem.", example: "about:blank" }),
    title: z.string().openapi({ description: "The kind of problem in a few words.", example: "Not found" }),
    status: z.int().openapi({ description: "The status of the answer once more." }),
    detail: z.string().openapi({ description: "What was wrong, what was got, what to do." }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: "What is wrong with each part of the request." }),
    outcome: z.string().optional().openapi({ description: "Why an action was not done, in one word." }),
    state: z.string().optional().openapi({ description: "The state that stood in its way." }),
    host: z.string().nullable().optional().openapi({ description: "Where it runs." }),
    workflow: z.string().optional().openapi({ description: "The workflow that the task is a step of." }),
    pools: z
      .array(z.string())
      .optional()
      .openapi({ description: "Pools that have a task of an id that several things have." }),
    isOfWorkflow: z.boolean().optional().openapi({ description: "With `pools`: a workflow has the id, too." }),
  })
  .openapi("Problem");

export type Problem = z.infer<typeof Problem>;
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 503 | 504;

/** What a problem says: its detail, alone or with more of its members. */
type ProblemDetail = string | ({ detail: string } & Partial<Omit<Problem, "status">>);

const TITLES: Readonly<Record<ProblemStatus, string>> = {
  400: "Bad request",
  401: "Not signed in",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  413: "Request too large",
  415: "Unsupported media type",
  429: "Too many attempts",
  500: "Failed",
  503: "Redis cannot be used",
  504: "Redis did not answer in time",
};

export const PROBLEM_TYPE = "application/problem+json";

/** An answer that says what went wrong. */
export function problem(context: Context, status: ProblemStatus, what: ProblemDetail): Response {
  const more = typeof what === "string" ? { detail: what } : what;
  const body: Problem = { type: "about:blank", title: TITLES[status], status, ...more };
  context.header("Cache-Control", "no-store");
  return context.body(JSON.stringify(body), status, { "Content-Type": PROBLEM_TYPE });
}

/** Why a request is not done: `problemOf` makes the answer. */
class Refusal extends Error {
  override name = "Refusal";
  readonly status: ProblemStatus;
  readonly what: ProblemDetail;

  constructor(status: ProblemStatus, what: ProblemDetail) {
    super(typeof what === "string" ? what : what.detail);
    this.status = status;
    this.what = what;
  }
}

/** Ends the handling of a request with a problem. */
export function refuse(status: ProblemStatus, what: ProblemDetail): never {
  throw new Refusal(status, what);
}

/** The answer to a request that was refused by an error of ours; null for an error that is a fault of the dashboard. */
export function problemOf(context: Context, error: unknown): Response | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof Refusal) return problem(context, error.status, error.what);
  const type = `urn:manyhands:error:${error.name}`;
  if (error instanceof SharedIdError) {
    const { message: detail, pools, isOfWorkflow } = error;
    return problem(context, 400, { detail, type, pools: [...pools], isOfWorkflow });
  }
  if (error instanceof TaskUnknownError) return problem(context, 404, { detail: error.message, type });
  if (error instanceof TimeoutError) return problem(context, 504, { detail: error.message, type });
  if (error instanceof RedisUnfitError) return problem(context, 503, { detail: error.message, type });
  if (error instanceof ValueError || error instanceof SerializationError) {
    return problem(context, 400, { detail: error.message, type });
  }
  if (error instanceof ManyhandsError) return problem(context, 409, { detail: error.message, type });
  return null;
}

/** The answers that every route may give besides its own. */
export const PROBLEMS = {
  400: problemAnswer("The request is wrong; `errors` says where."),
  401: problemAnswer("A token is needed."),
  403: problemAnswer("It is not allowed, for example because the dashboard is read-only."),
  503: problemAnswer("Redis cannot be reached or used."),
  504: problemAnswer("Redis did not answer in time."),
} as const;

export function problemAnswer(description: string): {
  description: string;
  content: { [PROBLEM_TYPE]: { schema: typeof Problem } };
} {
  return { description, content: { [PROBLEM_TYPE]: { schema: Problem } } };
}
