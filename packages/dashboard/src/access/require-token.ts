import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { isApiPath } from "../api/api-path.ts";
import { SIGN_IN_PATH, signInPage } from "../pages/sign-in-page.ts";
import type { AccessToken } from "./access-token.ts";
import { bearerToken } from "./bearer-token.ts";
import { GuessLimit } from "./guess-limit.ts";
import { refusal } from "./refusal.ts";

/** What a visitor offers: a word, and whether it is the right one. */
interface Offer {
  word: string;
  isRight: boolean;
}

/**
 * Lets a request pass with `Authorization: Bearer <token>` or with the cookie that signing in sets. A browser without
 * either is shown a page that asks for the token; any other client gets a line of text. Who tries wrong tokens has to
 * wait.
 */
export function requireToken(token: AccessToken): Hono {
  const limit = new GuessLimit();
  const app = new Hono();
  app.post(SIGN_IN_PATH, async (context) => {
    const form = await context.req.parseBody().catch(() => ({}) as Record<string, unknown>);
    const offered = form["token"];
    return enter(context, { token, limit, word: typeof offered === "string" ? offered.trim() : "" });
  });
  app.get("/", async (context, next) => {
    const offered = context.req.query("token");
    return offered === undefined ? next() : enter(context, { token, limit, word: offered });
  });
  app.use(passWithToken(token, limit));
  return app;
}

function passWithToken(token: AccessToken, limit: GuessLimit): MiddlewareHandler {
  return async (context, next) => {
    const offers = offersOf(context, token);
    const address = addressOf(context);
    if (offers.length > 0 && limit.wait(address) > 0) return refuseForNow(context, limit.wait(address));
    if (offers.some(({ isRight }) => isRight)) return next();
    for (const { word } of offers) limit.wrong(address, word);
    const isBearer = bearerToken(context.req.header("authorization")) !== undefined;
    return refuse(context, isBearer ? "That token is wrong." : null);
  };
}

function offersOf(context: Context, token: AccessToken): Offer[] {
  const bearer = bearerToken(context.req.header("authorization"));
  const cookie = getCookie(context, cookieName(context));
  return [
    ...(bearer === undefined ? [] : [{ word: bearer, isRight: token.accepts(bearer) }]),
    ...(cookie === undefined ? [] : [{ word: cookie, isRight: token.acceptsCookie(cookie) }]),
  ];
}

function enter(
  context: Context,
  { token, limit, word }: { token: AccessToken; limit: GuessLimit; word: string },
): Response | Promise<Response> {
  const address = addressOf(context);
  if (limit.wait(address) > 0) return refuseForNow(context, limit.wait(address));
  if (!token.accepts(word)) {
    limit.wrong(address, word);
    return refuse(context, "That token is wrong.");
  }
  setCookie(context, cookieName(context), token.cookieValue, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure: new URL(context.req.url).protocol === "https:" || context.req.header("x-forwarded-proto") === "https",
  });
  // A reload must not send the form again, and an address with a token in it must not stay in the address bar.
  return context.redirect("/", 303);
}

function addressOf(context: Context): string {
  return getConnInfo(context).remote.address ?? "";
}

/** Cookies ignore ports: the name keeps two dashboards on one machine apart. */
function cookieName(context: Context): string {
  const { port } = new URL(context.req.url);
  return `manyhands-dashboard-${port || "default"}`;
}

function refuseForNow(context: Context, wait: number): Response | Promise<Response> {
  const seconds = Math.ceil(wait / 1_000);
  context.header("Retry-After", String(seconds));
  return answer(context, 429, `Too many wrong tokens came from your address: wait ${seconds} s and try again.`);
}

function refuse(context: Context, complaint: string | null): Response | Promise<Response> {
  context.header("WWW-Authenticate", 'Bearer realm="manyhands dashboard"');
  return answer(context, 401, complaint);
}

function answer(context: Context, status: 401 | 429, complaint: string | null): Response | Promise<Response> {
  context.header("Cache-Control", "no-store");
  const isPage = !isApiPath(context.req.path) && context.req.header("accept")?.includes("text/html");
  if (isPage) return context.html(signInPage(complaint), status);
  const advice = status === 401 ? ' Send it as "Authorization: Bearer <token>".' : "";
  return refusal(context, status, `${complaint ?? "A token is needed."}${advice}`);
}
