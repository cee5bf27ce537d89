import type { Context } from "hono";
import { isApiPath } from "../api/api-path.ts";
import { type ProblemStatus, problem } from "../api/problem.ts";

/** Refuses a request: with a problem document where the API was asked, else with a line of text. */
export function refusal(context: Context, status: ProblemStatus, text: string): Response {
  return isApiPath(context.req.path) ? problem(context, status, text) : context.text(`${text}\n`, status);
}
