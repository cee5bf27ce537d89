import { Keys, PoolRegistry, unlimitedPool } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { ownPath } from "../src/access/authenticate.ts";
import { Sessions } from "../src/access/sessions.ts";
import { type AccessOptions, resolveAccess } from "../src/visitors/access-options.ts";
import { ACTIONS, API_ROUTES, hasRole, ROLES, type Role } from "../src/visitors/roles.ts";
import { type Answer, ask } from "./fixtures/ask.ts";
import { dashboardFor } from "./fixtures/dashboard.ts";

const redis = useRedis();
const TOKENS = ROLES.map((role) => ({ role, name: `the-${role}`, token: `token-of-the-${role}` }));
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const bearer = (role: Role) => ({ authorization: `Bearer token-of-the-${role}` });

async function rolesFor(access: AccessOptions = {}): Promise<{ origin: string; keys: Keys; warnings: string[] }> {
  const keys = new Keys(redis.namespace());
  const warnings: string[] = [];
  const logger = { info: () => {}, warn: (text: string) => void warnings.push(text), error: () => {} };
  const options = { redis: redis.url, namespace: keys.namespace, token: undefined, logger };
  const { origin } = await dashboardFor({ ...options, access: { tokens: TOKENS, ...access } });
  return { origin, keys, warnings };
}

async function signIn(origin: string, token: string, more = ""): Promise<{ cookie: string; answer: Answer }> {
  const text = `token=${token}${more}`;
  const answer = await ask(origin, "/sign-in", { method: "POST", headers: { ...FORM, origin }, text });
  return { cookie: answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "", answer };
}

/** The stream of events is refused for this reason; it would not end. */
const BAD_EVENT = { "last-event-id": "x".repeat(101) };

describe("each route of the API", () => {
  let origin: string;
  let routes: { method: string; path: string }[];

  beforeAll(async () => {
    const { startDashboard } = await import("@manyhands/dashboard");
    const options = { redis: redis.url, namespace: redis.namespace(), port: 0, token: undefined };
    const dashboard = await startDashboard({ ...options, access: { tokens: TOKENS } });
    origin = dashboard.origin;
    const document = JSON.parse((await ask(origin, "/api/v1/openapi.json", { headers: bearer("viewer") })).text);
    routes = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    return () => dashboard.stop();
  });

  test("stands in the table of roles, and the table names no other", () => {
    const listed = Object.keys(API_ROUTES).filter((route) => route !== "GET /openapi.json");

    expect(routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(listed.sort());
  });

  test("refuses every lower role, whatever the spelling of its address, and lets the role in", async () => {
    for (const { method, path } of routes) {
      const { role: needed } = ACTIONS[API_ROUTES[`${method} ${path}`]!];
      const address = `/api/v1${path.replace(/\{\w+\}/g, "nothing")}`;
      const spellings = [address, address.replace("/api", "/%61pi").replace(/t/g, "%74")];
      for (const role of ROLES) {
        // A body that no route takes: what the role may do is refused for another reason.
        const body = ["GET", "DELETE"].includes(method) ? {} : { body: { no: "such thing" } };
        for (const spelling of spellings) {
          const { text } = await ask(origin, spelling, { method, headers: { ...bearer(role), ...BAD_EVENT }, ...body });
          const isRefused = text.includes(`needs the role ${needed}; yours is ${role}`);
          expect([method, spelling, role, isRefused]).toEqual([method, spelling, role, !hasRole(role, needed)]);
        }
      }
    }
  });

  test("says to the page who asks, and what they may do", async () => {
    const me = async (role: Role) => JSON.parse((await ask(origin, "/api/v1/me", { headers: bearer(role) })).text);

    expect(await me("operator")).toMatchObject({
      ...{ name: "the-operator", role: "operator", by: "token", readOnly: false, session: null },
      may: { read: true, cancel: true, removePool: false, endProcess: false },
      reasons: { removePool: "To remove pools needs the role admin; yours is operator." },
    });
    expect((await me("viewer")).may).toMatchObject({ read: true, cancel: false, readAudit: false });
    expect(Object.values((await me("admin")).may)).not.toContain(false);
  });

  test("refuses a method in another place, and a header that changes the method", async () => {
    const asViewer = (method: string, headers: Record<string, string> = {}) =>
      ask(origin, "/api/v1/pools/nothing", { method, headers: { ...bearer("viewer"), ...headers } });

    expect((await asViewer("DELETE")).status).toBe(403);
    expect((await asViewer("PURGE")).status).toBe(403);
    expect((await asViewer("HEAD")).status).toBe(404);
    expect((await asViewer("GET", { "x-http-method-override": "DELETE" })).text).toContain("there is no pool");
  });
});

describe("roles elsewhere", () => {
  test("all may read the metrics and Bull Board, and only admins may change something there", async () => {
    // given
    const { origin, keys } = await rolesFor();
    await new PoolRegistry(redis.client(), keys).create(unlimitedPool("letters"));

    // when
    const answers: unknown[] = [];
    for (const role of ROLES) {
      const headers = bearer(role);
      const pause = "/bull-board/api/queues/letters/pause";
      answers.push([
        (await ask(origin, "/metrics", { headers })).status,
        (await ask(origin, "/bull-board/api/queues", { headers })).status,
        (await ask(origin, pause, { method: "PUT", headers: { ...headers, origin } })).status,
        (await ask(origin, pause.replace("pause", "%70ause"), { method: "PUT", headers: { ...headers, origin } }))
          .status,
      ]);
    }

    // then
    expect(answers).toEqual([
      [200, 200, 403, 403],
      [200, 200, 403, 403],
      [200, 200, 200, 200],
    ]);
  });

  test("read-only holds for admins too, and says so", async () => {
    const { origin } = await rolesFor({ readOnly: true });

    const refused = await ask(origin, "/api/v1/pools/letters/reset", { method: "POST", headers: bearer("admin") });
    const low = await ask(origin, "/api/v1/pools/letters/reset", { method: "POST", headers: bearer("viewer") });

    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      403,
      { detail: "This dashboard is read-only.", outcome: "read-only" },
    ]);
    expect(JSON.parse(low.text)).toMatchObject({ outcome: "role" });
  });
});

describe("a session", () => {
  test("is of the role of the token that opened it, and ends with the sign-out, on every tab", async () => {
    // given
    const { origin } = await rolesFor();
    const { cookie } = await signIn(origin, "token-of-the-operator");
    const me = await ask(origin, "/api/v1/me", { headers: { cookie } });
    expect(JSON.parse(me.text)).toMatchObject({ role: "operator", session: { expiresAt: expect.any(Number) } });
    const { openStream } = await import("./fixtures/events.ts");
    const stream = await openStream(origin, { cookie });
    await stream.next();

    // when
    const left = await ask(origin, "/api/v1/sign-out", { method: "POST", headers: { cookie, origin } });

    // then: the cookie is taken away, and a copy of it is worth nothing
    expect(left.status).toBe(200);
    expect(left.headers["set-cookie"]?.[0]).toMatch(/Max-Age=0/);
    await stream.ended;
    const again = await ask(origin, "/api/v1/me", { headers: { cookie } });
    expect([again.status, again.text]).toEqual([401, expect.stringContaining("Your session has ended")]);
    // and a token has no session to end
    const token = await ask(origin, "/api/v1/sign-out", { method: "POST", headers: bearer("viewer") });
    expect(token.status).toBe(409);
  });

  test("that another site ends is refused", async () => {
    const { origin } = await rolesFor();
    const { cookie } = await signIn(origin, "token-of-the-viewer");

    const foreign = await ask(origin, "/api/v1/sign-out", {
      method: "POST",
      headers: { cookie, origin: "https://attacker.example" },
    });

    expect(foreign.status).toBe(403);
    expect((await ask(origin, "/api/v1/me", { headers: { cookie } })).status).toBe(200);
  });

  test("expires, is renewed by use, and cannot be made longer, moved to another token, or made up", () => {
    // given
    let now = 1_800_000_000_000;
    const [viewer, operator] = TOKENS as [(typeof TOKENS)[0], (typeof TOKENS)[0]];
    const sessions = new Sessions({ tokens: [viewer, operator], age: 60_000, now: () => now });
    const { cookie, session } = sessions.open(viewer);
    const [end = "", id = "", signed = ""] = cookie.split(".");

    // then
    expect(sessions.read(cookie)).toMatchObject({ token: viewer, expiresAt: now + 60_000 });
    expect(sessions.isAging(session)).toBe(false);
    now += 40_000;
    expect(sessions.isAging(session)).toBe(true);
    const renewed = sessions.open(viewer, session.id).cookie;
    now += 30_000;
    expect(sessions.read(cookie)).toBe("over");
    expect(sessions.read(renewed)).toMatchObject({ id });
    // and
    const later = (now + 1e9).toString(36);
    const forged = [
      `${later}.${id}.${signed}`,
      `${end}.${"A".repeat(12)}.${signed}`,
      `${later}.${id}.${"A".repeat(43)}`,
      ...["", "..", "a.b.c", `${end}.${id}.`, `${cookie}.`, `${cookie}\n`, "x".repeat(10_000), "__proto__"],
    ];
    for (const word of forged) expect([word, sessions.read(word)]).toEqual([word, "forged"]);
    // and without its token nothing is left of it
    expect(new Sessions({ tokens: [operator], age: 60_000, now: () => now }).read(renewed)).toBe("forged");
    sessions.end(session.id);
    expect(sessions.read(renewed)).toBe("over");
  });

  test("leads back to the page that was asked for, and to no other server", async () => {
    // given
    const { origin } = await rolesFor();
    const page = await ask(origin, '/tasks?state=failed&x="><script>', { headers: { accept: "text/html" } });
    expect(page.status).toBe(401);
    expect(page.text).toContain('value="/tasks?state=failed&amp;x=%22%3E%3Cscript%3E"');

    // then
    const next = async (path: string) =>
      (await signIn(origin, "token-of-the-viewer", `&next=${encodeURIComponent(path)}`)).answer.headers.location;
    expect(await next("/tasks?state=failed")).toBe("/tasks?state=failed");
    const elsewhere = ["//attacker.example", "/\\attacker.example", "https://attacker.example", "javascript:alert(1)"];
    for (const path of [...elsewhere, "/\t/attacker.example", "/a\r\nSet-Cookie: x=y", "", "tasks", "/%0a/\\x"]) {
      expect([path, await next(path)]).toEqual([path, "/"]);
    }
    for (const path of ["/..//attacker.example", "/.//attacker.example", "/%2e%2e//attacker.example"]) {
      expect(ownPath(path)).toMatch(/^\/(?!\/)/);
    }
  });
});

describe("a trusted proxy", () => {
  const PROXY = { tokens: undefined, trustHeader: "X-Forwarded-User:X-Forwarded-Role", trustFrom: ["127.0.0.1"] };
  const me = async (origin: string, headers: Record<string, string>) => {
    const { status, text } = await ask(origin, "/api/v1/me", { headers });
    return { status, ...JSON.parse(text) };
  };

  test("says who it is and with which role", async () => {
    const { origin } = await rolesFor(PROXY);
    const user = Buffer.from("Zoë@example.org").toString("latin1");

    const operator = await me(origin, { "x-forwarded-user": user, "x-forwarded-role": "Operator" });

    expect(operator).toMatchObject({ status: 200, name: "Zoë@example.org", role: "operator", by: "proxy" });
    const headers = { "x-forwarded-user": "ada", "x-forwarded-role": "viewer", origin };
    expect((await ask(origin, "/api/v1/pools/x", { method: "DELETE", headers })).status).toBe(403);
    expect((await ask(origin, "/api/v1/sign-out", { method: "POST", headers })).text).toContain("sign out there");
  });

  test.each([
    ["no header", {}],
    ["no role", { "x-forwarded-user": "ada" }],
    ["a role that there is not", { "x-forwarded-user": "ada", "x-forwarded-role": "root" }],
    ["two roles", { "x-forwarded-user": "ada", "x-forwarded-role": "admin, viewer" }],
    ["two names", { "x-forwarded-user": "admin, ada", "x-forwarded-role": "admin" }],
    ["a name that turns the text around", { "x-forwarded-user": "ada\u00e2\u0080\u00ae", "x-forwarded-role": "admin" }],
    ["a name that is too long", { "x-forwarded-user": "a".repeat(201), "x-forwarded-role": "admin" }],
  ])("lets nobody in with %s", async (_, headers) => {
    const { origin } = await rolesFor(PROXY);

    expect((await me(origin, headers as Record<string, string>)).status).toBe(403);
  });

  test("is believed from its own address alone; from another the header says nothing", async () => {
    const { origin } = await rolesFor({ ...PROXY, tokens: TOKENS, trustFrom: ["10.1.0.0/16", "2001:db8::/32"] });
    const headers = { "x-forwarded-user": "ada", "x-forwarded-role": "admin", "x-forwarded-for": "10.1.2.3" };

    expect((await me(origin, headers)).status).toBe(401);
    expect(await me(origin, { ...headers, ...bearer("viewer") })).toMatchObject({ role: "viewer", by: "token" });
  });

  test("without a header for the role lets in viewers, whatever role is sent", async () => {
    const { origin } = await rolesFor({ ...PROXY, trustHeader: "X-Forwarded-User" });

    expect(await me(origin, { "x-forwarded-user": "ada", "x-forwarded-role": "admin" })).toMatchObject({
      role: "viewer",
    });
  });
});

describe("failed sign-ins", () => {
  test("are logged with their address, never with the token, and not more often than needed", async () => {
    // given
    const { origin, warnings } = await rolesFor();

    // when
    for (let number = 0; number < 7; number += 1) await signIn(origin, `wrong-secret-${number}`);

    // then: six were counted, the seventh had to wait; one line for an address
    expect(warnings).toEqual(["a wrong token came from 127.0.0.1 (sign-in form)"]);
  });
});

describe("the options of access", () => {
  const place = { host: "127.0.0.1", loopback: true };

  test("lines of a text name tokens, as the environment and files do", () => {
    vi.stubEnv("MANYHANDS_DASHBOARD_TOKENS", "viewer wall-screen 12345678;operator night abcdefgh");
    onTestFinished(() => void vi.unstubAllEnvs());
    const text = "\uFEFF# who looks\nviewer  grafana  12345678\r\n\n  admin ada abcdefgh\n";

    expect(resolveAccess({ tokens: text }, place).tokens).toEqual([
      { role: "viewer", name: "grafana", token: "12345678" },
      { role: "admin", name: "ada", token: "abcdefgh" },
    ]);
    expect(resolveAccess({}, place).tokens.map(({ name }) => name)).toEqual(["wall-screen", "night"]);
    expect(resolveAccess({ token: "of-an-admin" }, place).tokens[0]).toMatchObject({ role: "admin", name: "admin" });
  });

  test.each<[AccessOptions, RegExp]>([
    [{ tokens: "viewer 12345678" }, /line 1 must be "<role> <name> <token>".*got 2 words$/],
    [{ tokens: "root ada 12345678" }, /line 1 must be .* viewer, operator, admin/],
    [{ tokens: [{ role: "root" as Role, name: "ada", token: "12345678" }] }, /role must be viewer, operator, admin/],
    [{ tokens: [{ role: "viewer", name: "a b", token: "12345678" }] }, /name must be 1 to 64 visible characters/],
    [{ tokens: [{ role: "viewer", name: "\u202eada", token: "12345678" }] }, /name must be 1 to 64 visible/],
    [{ tokens: [{ role: "viewer", name: "ada", token: "short" }] }, /token must be a string of at least 8/],
    [{ tokens: "viewer a 12345678\nadmin b 12345678" }, /the token of "b" is there twice/],
    [{ tokens: "viewer a 12345678\nadmin a abcdefgh" }, /the name "a" is there twice/],
    [{ token: false, tokens: "viewer a 12345678" }, /token: false lets everyone in/],
    [{ trustHeader: "X-User" }, /trustHeader needs trustFrom/],
    [{ trustFrom: ["127.0.0.1"] }, /got no trustHeader/],
    [{ trustHeader: "X User", trustFrom: ["127.0.0.1"] }, /must be the name of a header/],
    [{ trustHeader: "a:b:c", trustFrom: ["127.0.0.1"] }, /must be the name of a header, or two/],
    [{ trustHeader: "X-User", trustFrom: ["example.org"] }, /trustFrom must be addresses or networks/],
    [{ trustHeader: "X-User", trustFrom: ["10.0.0.0/33"] }, /got "10.0.0.0\/33"/],
    [{ redact: ["card..number"] }, /redact must be names or paths/],
    [{ sessionAge: 10 }, /sessionAge must be ms, from 60000/],
    [{ rolls: [] } as AccessOptions, /rolls/],
  ])("%o is refused", (options, message) => {
    expect(() => resolveAccess(options, place)).toThrow(message);
    expect(() => resolveAccess(options, place)).not.toThrow(/12345678|abcdefgh/);
  });

  test("an address beyond loopback is served with tokens or a proxy, and refused with neither", () => {
    const open = { host: "0.0.0.0", loopback: false };

    expect(() => resolveAccess({}, open)).toThrow(/needs a token/);
    expect(resolveAccess({ tokens: "viewer a 12345678" }, open).generatedToken).toBeNull();
    expect(resolveAccess({ trustHeader: "X-User", trustFrom: ["::1"] }, open).tokens).toEqual([]);
  });
});

describe("an attacker", () => {
  test("cannot frame, script or sniff any answer, whatever is asked for", async () => {
    const { origin } = await rolesFor();
    const paths = ["/", "/sign-in", "/tasks", "/api/v1/me", "/api/v1/nothing", "/nothing", "/metrics", "/healthz"];

    for (const path of paths) {
      for (const headers of [{}, bearer("viewer"), { accept: "text/html" }]) {
        const answer = await ask(origin, path, { headers });
        const policy = String(answer.headers["content-security-policy"]);
        expect([path, answer.headers["x-frame-options"], answer.headers["x-content-type-options"]]).toEqual([
          ...[path, "DENY", "nosniff"],
        ]);
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).not.toMatch(/unsafe-|https?:|\*/);
      }
    }
  });

  test("reaches no file beside the public ones", async () => {
    const { origin } = await rolesFor();
    const up = ["../", "..%2f", "%2e%2e/", "..%5c", "....//", "%252e%252e%252f", "..%c0%af"];

    for (const step of up) {
      for (const base of ["/assets/", "/", "/bull-board/static/"]) {
        const path = `${base}${step.repeat(8)}etc/passwd`;
        const { status, text } = await ask(origin, path, { headers: bearer("admin") });
        expect([path, text.includes("root:")]).toEqual([path, false]);
        expect(status).toBeLessThan(500);
      }
    }
  });

  test("raises no role by members of a body, of the address or of a form", async () => {
    const { origin } = await rolesFor();
    const pollution = '{"__proto__":{"role":"admin","readOnly":false},"constructor":{"prototype":{"role":"admin"}}}';
    const headers = { ...bearer("viewer"), "content-type": "application/json" };

    for (const path of ["/api/v1/tasks", "/api/v1/sign-out", "/api/v1/pools?role=admin&__proto__[role]=admin"]) {
      await ask(origin, path, { method: "POST", headers, text: pollution });
    }
    const form = "token=token-of-the-viewer&role=admin&__proto__[role]=admin&name=admin";
    const answer = await ask(origin, "/sign-in", { method: "POST", headers: { ...FORM, origin }, text: form });
    const cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";

    expect(({} as { role?: string }).role).toBeUndefined();
    expect(JSON.parse((await ask(origin, "/api/v1/me", { headers: { cookie } })).text)).toMatchObject({
      ...{ name: "the-viewer", role: "viewer" },
    });
    const both = { cookie, "x-forwarded-user": "ada", "x-forwarded-role": "admin", "x-role": "admin" };
    expect(JSON.parse((await ask(origin, "/api/v1/me", { headers: both })).text)).toMatchObject({ role: "viewer" });
  });
});
