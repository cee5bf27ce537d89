import type { IncomingMessage } from "node:http";
import { visibleLine } from "@manyhands/core/internal";
import type { Context } from "hono";
import type { Authorize } from "../visitors/access-options.ts";
import { isRole, ROLES } from "../visitors/roles.ts";
import type { Visitor } from "../visitors/visitor.ts";

const LONGEST_NAME = 200;

/**
 * Whom the application around the dashboard lets in; null when it knows nobody. A Response is its answer to the request.
 * @throws Error when the application throws, or gives anything else
 */
export async function admittedVisitor(
  context: Context,
  authorize: Authorize | null,
): Promise<Omit<Visitor, "address"> | Response | null> {
  if (authorize === null) return null;
  const { incoming } = (context.env ?? {}) as { incoming?: IncomingMessage };
  // By its form: the application may have a Response class of another library.
  const admission = (await ask(authorize, context.req.raw, incoming)) as Partial<Response & Visitor> | null | undefined;
  if (admission === null || admission === undefined) return null;
  if (typeof admission.status === "number" && admission.headers !== undefined) return admission as Response;
  const { name, role } = admission;
  const isName = typeof name === "string" && name !== "" && name.length <= LONGEST_NAME && visibleLine(name) === name;
  if (!isName) {
    throw new Error(`authorize must give a name of 1 to ${LONGEST_NAME} visible characters; got ${typeof name}`);
  }
  if (!isRole(role)) {
    throw new Error(`authorize must give a role, ${ROLES.join(", ")}; got "${visibleLine(String(role)).slice(0, 50)}"`);
  }
  return { name, role, by: "application", session: null };
}

/** What the application does not answer is no answer of ours: the visitor is told no more than that it failed. */
async function ask(authorize: Authorize, ...given: Parameters<Authorize>): Promise<unknown> {
  try {
    return await authorize(...given);
  } catch (error) {
    throw new Error(`authorize failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
