import { request } from "node:http";
import { ValueError } from "@manyhands/core";
import { Keys, PoolRegistry, unlimitedPool } from "@manyhands/core/internal";
import { startDashboard } from "@manyhands/dashboard";
import { useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { GuessLimit } from "../src/access/guess-limit.ts";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor, TOKEN } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();
const FORM = { "content-type": "application/x-www-form-urlencoded" };
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
  test("is refused in the header, the address and the cookie", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const html = { accept: "text/html" };

    // when
    const header = await ask(origin, "/metrics", { headers: { authorization: "Bearer wrong-horse-battery" } });
    const address = await ask(origin, "/?token=wrong", { headers: html });
    const chinese = { ...html, "accept-language": "zh-CN,zh;q=0.9,en;q=0.5" };
    const inChinese = await ask(origin, "/?token=wrong", { headers: chinese });
    const cookie = await ask(origin, "/", {
      headers: { cookie: `manyhands-dashboard-${new URL(origin).port}=${TOKEN}` },
    });

    // then
    expect([header.status, address.status, cookie.status]).toEqual([401, 401, 401]);
    expect(address.headers["set-cookie"]).toBeUndefined();
    expect(address.text).toContain("That token is wrong.");
    expect(inChinese.text).toContain('<html lang="zh">');
    expect(inChinese.text).toContain("令牌不正确。");
  });
});

describe("with the token", () => {
  test("the header lets a program in", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    expect((await ask(origin, "/metrics", { headers: BEARER })).status).toBe(200);
  });

  test("the form sends it in its body, and sets a cookie that scripts cannot read", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const page = await ask(origin, "/", { headers: { accept: "text/html" } });
    expect(page.text).toMatch(/<form [^>]*method="post" action="\/sign-in"/);

    // when: as a browser sends a form from a page that names no referrer
    const entered = await ask(origin, "/sign-in", {
      method: "POST",
      headers: { ...FORM, origin: "null" },
      text: `token=${TOKEN}`,
    });

    // then
    expect(entered.status).toBe(303);
    expect(entered.headers.location).toBe("/");
    const [cookie = ""] = entered.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    expect(cookie).not.toContain(TOKEN);
    expect((await ask(origin, "/", { headers: { cookie: cookie.split(";")[0]! } })).status).toBe(200);
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

describe("a random token", () => {
  test("is random, and in the part of the address that browsers send to no server", async () => {
    // given
    const first = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: undefined });
    const second = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: undefined });

    // then
    const tokens = [first, second].map(({ url }) => /\/#token=(.*)$/.exec(url)?.[1] ?? "");
    expect(tokens[0]).toMatch(/^[\w-]{32}$/);
    expect(tokens[1]).not.toBe(tokens[0]);
    expect((await ask(first.origin, "/")).status).toBe(401);
    const text = `token=${tokens[0]}`;
    expect((await ask(first.origin, "/sign-in", { method: "POST", headers: FORM, text })).status).toBe(303);
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
    await new PoolRegistry(redis.client(), keys).create(unlimitedPool("only-there"));
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

  test("with a token is served by every address and by the names that were allowed, and by no other", async () => {
    // given
    const { port } = await dashboardFor({
      redis: redis.url,
      namespace: redis.namespace(),
      host: "0.0.0.0",
      allowedHosts: ["Workers.example.org"],
    });
    const status = async (host: string) =>
      (await ask(`http://127.0.0.1:${port}`, "/", { headers: { ...BEARER, host } })).status;

    // then
    for (const host of [
      "workers.example.org",
      "workers.example.org:3000",
      "192.168.1.5:3000",
      "[fe80::1]",
      "localhost",
    ]) {
      expect([host, await status(host)]).toEqual([host, 200]);
    }
    for (const host of ["attacker.example", "192.168.1.5.attacker.example", "sub.workers.example.org"]) {
      expect([host, await status(host)]).toEqual([host, 403]);
    }
    // and its health can be asked by any name
    expect((await ask(`http://127.0.0.1:${port}`, "/healthz", { headers: { host: "dashboard" } })).status).toBe(200);
  });
});

describe("a secret that ends with a line break, as mounted ones do", () => {
  test.each([
    ["the option", { token: "from-a-file\r\n" }, ""],
    ["the environment", { token: undefined }, "\uFEFFfrom-a-file\n"],
  ])("from %s is taken without it", async (_, option, variable) => {
    vi.stubEnv("MANYHANDS_DASHBOARD_TOKEN", variable);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), ...option });

    expect((await ask(origin, "/metrics", { headers: { authorization: "Bearer from-a-file" } })).status).toBe(200);
  });
});

describe("guessing the token", () => {
  test("has to wait after a few wrong ones, and then the right one, too", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const guess = (token: string) => ask(origin, "/metrics", { headers: { authorization: `Bearer ${token}` } });

    // when
    const statuses: number[] = [];
    for (let number = 0; number < 6; number += 1) statuses.push((await guess(`wrong-${number}`)).status);
    const right = await guess(TOKEN);
    const form = await ask(origin, "/sign-in", { method: "POST", headers: FORM, text: `token=${TOKEN}` });

    // then
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401]);
    expect([right.status, form.status]).toEqual([429, 429]);
    expect(right.headers["retry-after"]).toBe("1");
    expect(right.text).toContain("wait 1 s and try again");
    // and who offers nothing is asked for the token as ever
    expect((await ask(origin, "/")).status).toBe(401);
  });

  test("the same wrong one again is not a guess: a page with an old cookie asks often", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const cookie = `manyhands-dashboard-${new URL(origin).port}=old`;

    for (let number = 0; number < 20; number += 1) {
      expect((await ask(origin, "/", { headers: { cookie } })).status).toBe(401);
    }

    expect((await ask(origin, "/", { headers: BEARER })).status).toBe(200);
  });

  test("each wait is twice as long, up to a minute, and addresses do not wait for each other", () => {
    let now = 0;
    const limit = new GuessLimit(() => now);
    const waits = Array.from({ length: 14 }, (_, number) => {
      limit.wrong("10.0.0.1", `guess ${number}`);
      const wait = limit.wait("10.0.0.1");
      now += wait;
      return wait;
    });

    expect(waits).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
    expect(limit.wait("10.0.0.2")).toBe(0);
    now += 900_001;
    limit.wrong("10.0.0.1", "another");
    expect(limit.wait("10.0.0.1")).toBe(0);
  });

  test("a network of IPv6 counts as one address, and the memory is bounded", () => {
    const limit = new GuessLimit(() => 0);
    for (let number = 0; number < 6; number += 1) limit.wrong(`2001:db8::${number}`, `guess ${number}`);
    expect(limit.wait("2001:db8:0:0:ffff::1")).toBe(1_000);
    expect(limit.wait("2001:db8:0:1::1")).toBe(0);
    for (let number = 0; number < 6; number += 1) limit.wrong("::ffff:10.0.0.1", `guess ${number}`);
    expect(limit.wait("10.0.0.1")).toBe(1_000);

    for (let number = 0; number < 20_000; number += 1) limit.wrong(`10.1.${number >> 8}.${number & 255}`, "guess");
    expect(limit.size).toBe(10_000);
  });
});

describe("a request body", () => {
  test("over the limit is refused before it has been read", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const add = "/bull-board/api/queues/letters/add";

    // when
    const announced = await pour(origin, add, { ...BEARER, "content-length": String(200 * 1024 * 1024) });
    const streamed = await pour(origin, add, { ...BEARER, "transfer-encoding": "chunked" });
    const stranger = await pour(origin, "/sign-in", { ...FORM, "transfer-encoding": "chunked" });

    // then
    expect([announced.status, streamed.status, stranger.status]).toEqual([413, 413, 413]);
    for (const { sent } of [announced, streamed, stranger]) expect(sent).toBeLessThan(50 * 1024 * 1024);
  });
});

/** Sends a body that does not end, until there is an answer. */
async function pour(
  origin: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; sent: number }> {
  const { hostname, port } = new URL(origin);
  const part = Buffer.alloc(64 * 1024, "a");
  let sent = 0;
  return new Promise((resolve, reject) => {
    const open = request({ hostname, port, path, method: "POST", headers, agent: false });
    const more = (): void => {
      if (open.destroyed || sent >= 200 * 1024 * 1024) return;
      sent += part.length;
      open.write(part, () => setImmediate(more));
    };
    open.on("response", (response) => {
      resolve({ status: response.statusCode ?? 0, sent });
      open.destroy();
    });
    open.on("error", reject);
    more();
  });
}

describe("wrong options", () => {
  test.each([
    [{ port: -1 }, /port must be a whole number from 0 to 65535; got -1/],
    [{ port: 70_000 }, /got 70000/],
    [{ port: 1.5 }, /got 1.5/],
    [{ token: "spaces in a token" }, /token must be of visible ASCII characters/],
    [{ allowedHosts: ["https://example.org"] }, /allowedHosts must be names such as.*got "https:\/\/example.org"/],
    [{ allowedHosts: ["*.example.org"] }, /without scheme, port and wildcards/],
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
