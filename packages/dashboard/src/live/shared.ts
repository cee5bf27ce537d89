import type { Milliseconds } from "@manyhands/core/internal";
import type { Context, MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { SharedAnswer, SharedReads } from "./shared-reads.ts";

declare module "hono" {
  interface ContextVariableMap {
    sharedReads: SharedReads;
    /** What was read, where it is shared. */
    sharedAnswer: SharedAnswer;
  }
}

/** Name of the header with the id of the last event that a page was told. */
export const TOLD_HEADER = "x-manyhands-told";
/** An answer that no event calls out of date is not used for longer than this, ms. */
const MAX_AGE: Milliseconds = 60_000;

type Topics = readonly string[] | ((context: Context) => readonly string[]);

/**
 * For a route that only reads: its answer is shared by all who ask the same with the same role, until one of its topics has
 * changed. Topics: `tasks`, `pools` (of any of them), `pools/<name>`, `hosts`, `hosts/<id>`, `processes`, `objects`,
 * `schedules`, `audit`, `overview`.
 *
 * @param options.maxAge - Of what changes without an event, such as the memory of a host: a page asks again after this time,
 *   and all pages together cost one reading in it, ms. @defaultValue a minute
 * @example
 * const list = createRoute({ method: "get", path: "/pools", middleware: shared(["pools"]), ... });
 * const get = createRoute({ ..., middleware: shared((context) => [`pools/${context.req.param("name")}`]), ... });
 */
export function shared(topics: Topics, { maxAge = MAX_AGE }: { maxAge?: Milliseconds } = {}): MiddlewareHandler {
  return async (context, next) => {
    let isReader = false;
    const { pathname, search } = new URL(context.req.url);
    const reads = context.get("sharedReads");
    const question = {
      key: `${context.get("visitor").role} ${context.req.method} ${pathname}${search}`,
      topics: typeof topics === "function" ? topics(context) : topics,
      maxAge,
      told: context.req.header(TOLD_HEADER),
      read: async () => {
        isReader = true;
        await next();
        const { res } = context;
        const answer = {
          status: res.status as ContentfulStatusCode,
          type: res.headers.get("content-type") ?? "",
          body: await res.text(),
        };
        context.res = new Response(answer.body, { status: res.status, headers: res.headers });
        return answer;
      },
    };
    let answer = await reads.answer(question);
    // Who read it may have left, and ended it.
    if (answer.status >= 500 && !isReader) answer = await reads.answer(question);
    context.set("sharedAnswer", answer);
    const { status, type, body } = answer;
    return isReader ? undefined : context.body(body, status, { "Content-Type": type });
  };
}

const forms = new WeakMap<SharedAnswer, Map<string, unknown>>();

/** A form of the answer, which is made once for all who share it. @param name - Of the form. */
export function onceForAll<Form>(context: Context, name: string, make: () => Form): Form {
  const answer = context.get("sharedAnswer") as SharedAnswer | undefined;
  if (!answer) return make();
  const made = forms.get(answer) ?? new Map<string, unknown>();
  forms.set(answer, made);
  if (!made.has(name)) made.set(name, make());
  return made.get(name) as Form;
}

/** Topics of tasks, by the parameter `pool`. */
export function ofPool(context: Context): string[] {
  const pool = context.req.query("pool");
  return [pool === undefined ? "tasks" : `pools/${pool}`, "hosts"];
}

/** Of each request that is no question: what was read before it is out of date. */
export function sharing(reads: SharedReads): MiddlewareHandler {
  return async (context, next) => {
    context.set("sharedReads", reads);
    if (context.req.method === "GET" || context.req.method === "HEAD") return next();
    try {
      await next();
    } finally {
      reads.changed();
    }
  };
}
