import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { signInPage } from "../pages/sign-in-page.ts";
import type { AccessToken } from "./access-token.ts";
import { bearerToken } from "./bearer-token.ts";

/**
 * Lets a request pass with `Authorization: Bearer <token>` or with the cookie that `/?token=<token>` sets.
 * A browser without either is shown a page that asks for the token; any other client gets a line of text.
 */
export function requireToken(token: AccessToken): MiddlewareHandler {
  return async (context, next) => {
    const offered = context.req.path === "/" ? context.req.query("token") : undefined;
    if (offered !== undefined && context.req.method === "GET") {
      if (!token.accepts(offered)) return refuse(context, "That token is wrong.");
      rememberVisitor(context, token);
      // The address bar, the history and the Referer must not keep the token.
      return context.redirect("/", 303);
    }
    const bearer = bearerToken(context.req.header("authorization"));
    if (bearer !== undefined && token.accepts(bearer)) return next();
    if (token.acceptsCookie(getCookie(context, cookieName(context)))) return next();
    return refuse(context, bearer === undefined ? null : "That token is wrong.");
  };
}

function rememberVisitor(context: Context, token: AccessToken): void {
  setCookie(context, cookieName(context), token.cookieValue, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure: new URL(context.req.url).protocol === "https:" || context.req.header("x-forwarded-proto") === "https",
  });
}

/** Cookies ignore ports: the name keeps two dashboards on one machine apart. */
function cookieName(context: Context): string {
  const { port } = new URL(context.req.url);
  return `manyhands-dashboard-${port || "default"}`;
}

function refuse(context: Context, complaint: string | null): Response | Promise<Response> {
  context.header("WWW-Authenticate", 'Bearer realm="manyhands dashboard"');
  context.header("Cache-Control", "no-store");
  if (context.req.header("accept")?.includes("text/html")) return context.html(signInPage(complaint), 401);
  return context.text(`${complaint ?? "A token is needed."} Send it as "Authorization: Bearer <token>".\n`, 401);
}
