import type { Logger } from "@manyhands/core";
import { RareWarnings, visibleLine } from "@manyhands/core/internal";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { isApiPath } from "../api/api-path.ts";
import { SIGN_IN_PATH, signInPage } from "../pages/sign-in-page.ts";
import { asIs, languageOf, OVER, type Said, tooMany, WRONG } from "../pages/sign-in-words.ts";
import { type AccessSettings, isOpen } from "../visitors/access-options.ts";
import { actAs, type Visitor } from "../visitors/visitor.ts";
import { admittedVisitor } from "./admitted-visitor.ts";
import { bearerToken } from "./bearer-token.ts";
import { admissionEnds, endStream, sessionEnds } from "./end-stream.ts";
import { GuessLimit } from "./guess-limit.ts";
import { proxiedVisitor } from "./proxied-visitor.ts";
import { refusal } from "./refusal.ts";
import { remoteAddress, visitorAddress } from "./remote-address.ts";
import { type Session, Sessions } from "./sessions.ts";

export interface Authentication {
  access: AccessSettings;
  /** Hears of wrong tokens. */
  logger: Logger;
  /** Where a visitor goes who has signed in or out. @defaultValue "/" */
  home?: string;
}

/** What is known of a request before anything is decided. */
interface Door {
  access: AccessSettings;
  sessions: Sessions;
  limit: GuessLimit;
  warnings: RareWarnings;
  home: string;
}

const OPEN = { name: "anyone", role: "admin", by: "open", session: null } as const;

/**
 * Lets a request pass when it is known who makes it: by what the application around the dashboard says, by
 * `Authorization: Bearer <token>`, by what a trusted proxy says, or by the cookie that signing in sets, in this order. A browser without any is shown a page that asks for the token; any other
 * client gets a line of text. Who tries wrong tokens has to wait, and is logged.
 */
export function authenticate({ access, logger, home = "/" }: Authentication): Hono {
  const sessions = new Sessions({ tokens: access.tokens, age: access.sessionAge });
  const door = { access, sessions, limit: new GuessLimit(), warnings: new RareWarnings(logger), home };
  const app = new Hono();
  if (access.tokens.length > 0) {
    app.post(SIGN_IN_PATH, async (context) => {
      const form = await context.req.parseBody().catch(() => ({}) as Record<string, unknown>);
      const { token, next } = form;
      const word = typeof token === "string" ? token.trim() : "";
      return enter(context, door, { word, next: typeof next === "string" ? next : "" });
    });
    app.get("/", async (context, next) => {
      const offered = context.req.query("token");
      return offered === undefined ? next() : enter(context, door, { word: offered, next: "" });
    });
  }
  app.use(passWhenKnown(door));
  return app;
}

function passWhenKnown(door: Door): MiddlewareHandler {
  const { access, sessions, limit } = door;
  return async (context, next) => {
    const address = addressOf(context, access);
    const pass = (visitor: Omit<Visitor, "address">) => {
      const known = { ...visitor, address };
      context.set("visitor", known);
      return actAs(known, next);
    };
    if (isOpen(access)) return pass(OPEN);
    const admitted = await admittedVisitor(context, access.authorize);
    if (admitted !== null && "status" in admitted) return admitted;
    if (admitted !== null) {
      await pass(admitted);
      const isAdmitted = async (): Promise<boolean> => {
        const now = await admittedVisitor(context, access.authorize);
        return now !== null && "role" in now && now.name === admitted.name && now.role === admitted.role;
      };
      endStream(context, admissionEnds(isAdmitted));
      return;
    }

    const bearer = bearerToken(context.req.header("authorization"));
    const proxied = bearer === undefined ? proxiedVisitor(context, access.proxy) : null;
    if (proxied !== null && typeof proxied !== "string") return pass(proxied);
    const cookie = bearer === undefined ? getCookie(context, cookieName(context)) : undefined;
    const word = bearer ?? cookie;
    if (word === undefined) return refuse(context, door, proxied === null ? null : asIs(proxied));

    if (limit.wait(address) > 0) return refuseForNow(context, door, limit.wait(address));
    if (bearer !== undefined) {
      const token = sessions.tokenOf(bearer);
      if (token !== null) return pass({ name: token.name, role: token.role, by: "token", session: null });
      noteWrong(door, { address, word, how: "Authorization header" });
      return refuse(context, door, WRONG);
    }
    const session = sessions.read(word);
    if (session === "over") return refuse(context, door, OVER);
    if (session === "forged") {
      noteWrong(door, { address, word, how: "cookie" });
      return refuse(context, door, null);
    }
    const { token, id, expiresAt } = session;
    const end = (): void => {
      sessions.end(id);
      deleteCookie(context, cookieName(context), { path: cookiePath(door) });
    };
    if (sessions.isAging(session)) setSession(context, door, sessions.open(token, id));
    await pass({ name: token.name, role: token.role, by: "token", session: { id, expiresAt, end } });
    endStream(context, sessionEnds(session, sessions));
  };
}

function enter(
  context: Context,
  door: Door,
  { word, next }: { word: string; next: string },
): Response | Promise<Response> {
  const { access, sessions, limit, home } = door;
  const address = addressOf(context, access);
  if (limit.wait(address) > 0) return refuseForNow(context, door, limit.wait(address));
  const token = sessions.tokenOf(word);
  if (token === null) {
    noteWrong(door, { address, word, how: "sign-in form" });
    return refuseSignIn(context, door, { complaint: WRONG, next });
  }
  setSession(context, door, sessions.open(token));
  // A reload must not send the form again, and an address with a token in it must not stay in the address bar.
  return context.redirect(home + (ownPath(next) ?? "/").slice(1), 303);
}

/** A path of this server; null for what could lead elsewhere. */
export function ownPath(text: string): string | null {
  if (!/^\/(?![/\\])[\x21-\x7e]{0,2000}$/.test(text) || text.includes("\\")) return null;
  const url = new URL(text, "http://here.invalid");
  return url.origin === "http://here.invalid" ? `${url.pathname}${url.search}`.replace(/^\/+/, "/") : null;
}

function setSession(context: Context, door: Door, { cookie }: { cookie: string; session: Session }): void {
  setCookie(context, cookieName(context), cookie, {
    path: cookiePath(door),
    httpOnly: true,
    sameSite: "Strict",
    secure: new URL(context.req.url).protocol === "https:" || context.req.header("x-forwarded-proto") === "https",
  });
}

/** Counts a wrong token, and says so in the log: the address and how, never the token. */
function noteWrong(door: Door, { address, word, how }: { address: string; word: string; how: string }): void {
  if (word === "") return;
  const isNew = door.limit.wrong(address, word);
  if (!isNew) return;
  const wait = Math.ceil(door.limit.wait(address) / 1_000);
  const then = wait === 0 ? "" : `; that address has to wait ${wait} s`;
  door.warnings.warn(`wrong token ${address}`, `a wrong token came from ${visibleLine(address)} (${how})${then}`);
}

function addressOf(context: Context, { proxy }: AccessSettings): string {
  return visitorAddress(context, proxy?.addresses ?? null) || remoteAddress(context);
}

/** Without a slash at the end, so that the base itself gets it, too. */
function cookiePath({ home }: Door): string {
  return home === "/" ? home : home.slice(0, -1);
}

/** Cookies ignore ports: the name keeps two dashboards on one machine apart. */
function cookieName(context: Context): string {
  const { port } = new URL(context.req.url);
  return `manyhands-dashboard-${port || "default"}`;
}

function refuseForNow(context: Context, door: Door, wait: number): Response | Promise<Response> {
  const seconds = Math.ceil(wait / 1_000);
  context.header("Retry-After", String(seconds));
  return answer(context, door, {
    status: 429,
    complaint: tooMany(seconds),
  });
}

function refuse(context: Context, door: Door, complaint: Said | null): Response | Promise<Response> {
  const { access } = door;
  if (access.tokens.length > 0) return refuseSignIn(context, door, { complaint });
  return answer(context, door, { status: 403, complaint: complaint ?? asIs(reasonOf(access)) });
}

function reasonOf({ authorize, proxy }: AccessSettings): string {
  if (authorize !== null) return "The application around this dashboard does not let you in: sign in there.";
  return `The proxy before this dashboard names the visitor in the header "${proxy?.userHeader ?? ""}"; it did not.`;
}

function refuseSignIn(
  context: Context,
  door: Door,
  what: { complaint: Said | null; next?: string },
): Response | Promise<Response> {
  context.header("WWW-Authenticate", 'Bearer realm="manyhands dashboard"');
  return answer(context, door, { status: 401, ...what });
}

function answer(
  context: Context,
  { home }: Door,
  { status, complaint, next }: { status: 401 | 403 | 429; complaint: Said | null; next?: string | undefined },
): Response | Promise<Response> {
  context.header("Cache-Control", "no-store");
  const { path } = context.req;
  const isPage = status !== 403 && !isApiPath(path) && context.req.header("accept")?.includes("text/html");
  if (isPage) {
    const { searchParams, search } = new URL(context.req.url);
    const isHere = context.req.method === "GET" && !searchParams.has("token");
    const wanted = ownPath(next ?? (isHere ? `${path}${search}` : "")) ?? "";
    const language = languageOf(context.req.header("accept-language"));
    return context.html(signInPage({ complaint, language, next: wanted, home }), status);
  }
  const advice = status === 401 ? ' Send it as "Authorization: Bearer <token>".' : "";
  return refusal(context, status, `${complaint?.en ?? "A token is needed."}${advice}`);
}
