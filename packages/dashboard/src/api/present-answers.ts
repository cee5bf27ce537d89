import type { MiddlewareHandler } from "hono";
import { onceForAll } from "../live/shared.ts";
import { cutText, cutValue, LONGEST_TEXT } from "../values/cut-value.ts";
import { type Redaction, VALUES } from "../values/redaction.ts";

/**
 * Hides what is to be hidden in the answers of the API, and cuts what is too large unless `full=true` asks for all of it: in
 * one place, so that no route can forget it.
 */
export function presentAnswers(redaction: Redaction): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { res } = context;
    if (!/^application\/(problem\+)?json/.test(res.headers.get("content-type") ?? "")) return;
    const text = await res.text();
    const isFull = context.req.query("full") === "true";
    const isWhole = !redaction.isActive && (isFull || text.length <= LONGEST_TEXT);
    const { status, headers } = res;
    const shown = isWhole ? text : onceForAll(context, "presented", () => presented(text, redaction, isFull));
    context.res = new Response(shown, { status, headers });
  };
}

function presented(text: string, redaction: Redaction, isFull: boolean): string {
  const answer = redaction.answer(JSON.parse(text));
  if (isFull) return JSON.stringify(answer);
  const note = { isCut: false };
  const shown = shorten(answer, note);
  return JSON.stringify(note.isCut && isRecord(shown) ? { ...shown, isCut: true } : shown);
}

/** Values of programs are cut in every way; what is ours has long texts at most. */
function shorten(answer: unknown, note: { isCut: boolean }): unknown {
  if (typeof answer === "string") return cutText(answer, note);
  if (typeof answer !== "object" || answer === null) return answer;
  if (Array.isArray(answer)) return answer.map((item) => shorten(item, note));
  const entries = Object.entries(answer).map(([name, item]) => {
    if (!VALUES.has(name)) return [name, shorten(item, note)];
    const { value, isCut } = cutValue(item);
    note.isCut ||= isCut;
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
