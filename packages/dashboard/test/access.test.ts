import { ValueError } from "@manyhands/core";
import { Keys } from "@manyhands/core/internal";
import { startDashboard } from "@manyhands/dashboard";
import { useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor, TOKEN } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();
const PAUSE = "/bull-board/api/queues/letters/pause";

describe("without the token", () => {
  test.each(["/", "/events", "/metrics", "/bull-board", "/bull-board/api/queues", "/nothing"])(
    "%s is refused",
    async (path) => {
      // given
      const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

      // when
      const answer = await ask(origin, path);

      // then
      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toContain("Bearer");
      expect(answer.text).not.toContain(TOKEN);
    },
  );

  test("a browser is asked for it", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    const answer = await ask(origin, "/", { headers: { accept: "text/html,*/*" } });

    expect(answer.status).toBe(401);
    expect(answer.text).toContain('type="password"');
  });

  test("only the health pages answer", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    expect((await ask(origin, "/healthz")).status).toBe(200);
    expect((await ask(origin, "/readyz")).status).toBe(200);
  });
});

describe("with a wrong token", () => {
  test("neither the header nor the address nor the cookie lets anybody in", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const html = { accept: "text/html" };

    // when
    const header = await ask(origin, "/metrics", { headers: { authorization: "Bearer wrong-horse-battery" } });
    const address = await ask(origin, "/?token=wrong", { headers: html });
    const cookie = await ask(origin, "/", {
      headers: { cookie: `manyhands-dashboard-${new URL(origin).port}=${TOKEN}` },
    });

    // then
    expect([header.status, address.status, cookie.status]).toEqual([401, 401, 401]);
    expect(address.headers["set-cookie"]).toBeUndefined();
    expect(address.text).toContain("That token is wrong.");
  });
});

describe("with the token", () => {
  test("the header lets a program in", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    expect((await ask(origin, "/metrics", { headers: BEARER })).status).toBe(200);
  });

  test("the address sets a cookie that scripts cannot read, and disappears from the address", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    // when
    const entered = await ask(origin, `/?token=${TOKEN}`);

    // then
    expect(entered.status).toBe(303);
    expect(entered.headers.location).toBe("/");
    const [cookie = ""] = entered.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    expect(cookie).not.toContain(TOKEN);

    // and
    const page = await ask(origin, "/", { headers: { cookie: cookie.split(";")[0]! } });
    expect(page.status).toBe(200);
  });

  test("the token in the address of another page opens nothing", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    const answer = await ask(origin, `//elsewhere.example/?token=${TOKEN}`);

    expect(answer.status).toBe(401);
    expect(answer.headers.location).toBeUndefined();
  });
});

describe("the token nobody chose", () => {
  test("is random and part of the address", async () => {
    // given
    const first = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: undefined });
    const second = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: undefined });

    // then
    const tokens = [first, second].map(({ url }) => new URL(url).searchParams.get("token") ?? "");
    expect(tokens[0]).toMatch(/^[\w-]{32}$/);
    expect(tokens[1]).not.toBe(tokens[0]);
    expect((await ask(first.origin, "/")).status).toBe(401);
    expect((await ask(first.origin, `/?token=${tokens[0]}`)).status).toBe(303);
  });

  test("can come from the environment, and is then not repeated in the address", async () => {
    // given
    vi.stubEnv("MANYHANDS_DASHBOARD_TOKEN", "from-the-environment");
    onTestFinished(() => void vi.unstubAllEnvs());

    // when
    const { url, origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: undefined });

    // then
    expect(url).toBe(`${origin}/`);
    const headers = { authorization: "Bearer from-the-environment" };
    expect((await ask(origin, "/metrics", { headers })).status).toBe(200);
  });

  test("the namespace, too, can come from the environment", async () => {
    // given
    const keys = new Keys("from-the-environment");
    const record = { name: "only-there", size: null, state: "running", owner: null };
    await redis.client().hset(keys.pools, "only-there", JSON.stringify(record));
    vi.stubEnv("MANYHANDS_NAMESPACE", keys.namespace);
    onTestFinished(() => void vi.unstubAllEnvs());

    // when
    const { origin } = await dashboardFor({ redis: redis.url });

    // then
    expect((await ask(origin, "/metrics", { headers: BEARER })).text).toContain('"only-there"');
  });

  test("a chosen one is not repeated in the address", async () => {
    const { url } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    expect(url).not.toContain(TOKEN);
  });

  test("can be done without, on loopback", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: false });

    expect((await ask(origin, "/")).status).toBe(200);
  });
});

describe("another address than loopback", () => {
  test.each(["0.0.0.0", "::", "192.168.1.5", "example.org"])("%s without a token is refused", async (host) => {
    for (const token of [undefined, false] as const) {
      await expect(startDashboard({ redis: redis.url, host, port: 0, token })).rejects.toThrow(ValueError);
      await expect(startDashboard({ redis: redis.url, host, port: 0, token })).rejects.toThrow(
        /needs a token.*--token/,
      );
    }
  });

  test("with a token is served, by any name", async () => {
    const { port } = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), host: "0.0.0.0" });

    const answer = await ask(`http://127.0.0.1:${port}`, "/", { headers: { ...BEARER, host: "workers.example.org" } });

    expect(answer.status).toBe(200);
  });
});

describe("wrong options", () => {
  test.each([
    [{ port: -1 }, /port must be a whole number from 0 to 65535; got -1/],
    [{ port: 70_000 }, /got 70000/],
    [{ port: 1.5 }, /got 1.5/],
    [{ token: "short" }, /token must be a string of at least 8 characters; got 5 characters/],
    [{ token: "" }, /got 0 characters/],
    [{ host: "" }, /host must be an address/],
  ])("%o", async (options, message) => {
    await expect(startDashboard({ redis: redis.url, ...options })).rejects.toThrow(ValueError);
    await expect(startDashboard({ redis: redis.url, ...options })).rejects.toThrow(message);
  });
});

describe("a foreign web site", () => {
  test("cannot read through a name of its own that leads to this machine", async () => {
    // given: no token at all, so that only the name protects
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: false });

    // when
    const rebound = await ask(origin, "/", { headers: { host: "attacker.example:3000" } });
    const lookalike = await ask(origin, "/", { headers: { host: "127.0.0.1.attacker.example" } });

    // then
    expect([rebound.status, lookalike.status]).toEqual([403, 403]);
    expect(rebound.text).toContain("localhost");

    // and the names of this machine work
    for (const host of ["localhost:3000", "127.0.0.1", "[::1]:3000"]) {
      expect((await ask(origin, "/", { headers: { host } })).status).toBe(200);
    }
  });

  test("cannot change anything through the visitor's browser", async () => {
    // given
    const namespace = new TestNamespace(redis);
    const queue = await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const entered = await ask(origin, `/?token=${TOKEN}`);
    const cookie = entered.headers["set-cookie"]![0]!.split(";")[0]!;

    // when
    const attempts = [
      { cookie, "sec-fetch-site": "cross-site" },
      { cookie, "sec-fetch-site": "same-site" },
      { cookie, origin: "https://attacker.example" },
      { cookie, origin: "null" },
      { cookie },
      { ...BEARER, "sec-fetch-site": "cross-site" },
    ];
    for (const headers of attempts) {
      expect((await ask(origin, PAUSE, { method: "PUT", headers })).status).toBe(403);
    }

    // then
    expect(await queue.isPaused()).toBe(false);

    // and the dashboard's own page can
    const own = await ask(origin, PAUSE, {
      method: "PUT",
      headers: { cookie, origin, "sec-fetch-site": "same-origin" },
    });
    expect(own.status).toBe(200);
    expect(await queue.isPaused()).toBe(true);
  });

  test("cannot frame a page or add a script to it", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    for (const path of ["/", "/bull-board"]) {
      const { headers } = await ask(origin, path, { headers: BEARER });
      expect(headers["content-security-policy"]).toMatch(
        /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
      );
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["referrer-policy"]).toBe("no-referrer");
    }
  });
});

describe("read-only", () => {
  test("nothing can be changed, everything can be seen", async () => {
    // given
    const namespace = new TestNamespace(redis);
    const queue = await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name, readOnly: true });

    // when
    const paused = await ask(origin, PAUSE, { method: "PUT", headers: BEARER });
    const added = await ask(origin, "/bull-board/api/queues/letters/add", {
      method: "POST",
      headers: BEARER,
      body: { name: "send", data: { args: [] }, options: {} },
    });

    // then
    expect([paused.status, added.status]).toEqual([403, 403]);
    expect(paused.text).toContain("read-only");
    expect(await queue.isPaused()).toBe(false);
    expect(await queue.count()).toBe(0);
    expect((await ask(origin, "/bull-board/api/queues", { headers: BEARER })).text).toContain('"readOnlyMode":true');
  });
});
