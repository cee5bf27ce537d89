import { request } from "node:http";
import { until, useRedis } from "@manyhands/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { LiveFeed } from "../src/live/live-feed.ts";
import { type SharedAnswer, type SharedQuestion, SharedReads } from "../src/live/shared-reads.ts";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();

interface LiveEvent {
  event: string;
  id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into
  data: any;
}

interface Tab {
  status: number;
  headers: Record<string, unknown>;
  events: LiveEvent[];
  text: string;
  /** Resolves with the first event of that name that comes after this call. */
  heard(event: string, accept?: (data: LiveEvent["data"]) => boolean): Promise<LiveEvent>;
  close(): void;
  ended: Promise<void>;
}

/** Opens the stream of events as a program does. */
async function listen(origin: string, headers: Record<string, string> = {}, query = ""): Promise<Tab> {
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const sent = request(new URL(`/api/v1/events${query}`, origin), { headers: { ...BEARER, ...headers }, agent: false });
  const tab: Tab = {
    ...{ status: 0, headers: {}, events: [], text: "" },
    heard: async (event, accept = () => true) => {
      const from = tab.events.length;
      let found: LiveEvent | undefined;
      await until(() => {
        found = tab.events.slice(from).find((one) => one.event === event && accept(one.data));
        return found !== undefined;
      });
      return found as LiveEvent;
    },
    close: () => void sent.destroy(),
    ended: ended.promise,
  };
  sent.on("error", () => ended.resolve());
  sent.on("response", (response) => {
    Object.assign(tab, { status: response.statusCode, headers: response.headers });
    response.setEncoding("utf8");
    let buffer = "";
    response.on("data", (part: string) => {
      tab.text += part;
      buffer += part;
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        const text = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1];
        tab.events.push({ event: field("event") ?? "", id: field("id"), data: JSON.parse(field("data") ?? "null") });
      }
    });
    response.on("error", () => ended.resolve());
    response.on("close", () => ended.resolve());
    opened.resolve();
  });
  sent.end();
  onTestFinished(tab.close);
  await opened.promise;
  return tab;
}

const concerns = (topic: string) => (data: { topics: string[] }) => data.topics.includes(topic);

describe("the stream of events", () => {
  test("greets, tells a change within half a second and the pulse of Redis, and goes on after an interruption", async () => {
    // given
    const namespace = new TestNamespace(redis);
    const mail = await namespace.pool("mail");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const tab = await listen(origin);
    expect(tab.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "x-accel-buffering": "no",
    });
    await until(() => tab.events.length >= 3);
    // then: what the page has read before may be old
    expect(tab.events.slice(0, 3)).toEqual([
      {
        event: "hello",
        id: undefined,
        data: expect.objectContaining({ namespace: namespace.name, readOnly: false, at: expect.any(Number) }),
      },
      { event: "change", id: expect.any(String), data: { topics: ["*"] } },
      {
        event: "pulse",
        id: undefined,
        data: {
          at: expect.any(Number),
          redis: "ok",
          roundTrip: expect.any(Number),
          counts: expect.objectContaining({ pools: 1, hosts: 0 }),
        },
      },
    ]);
    // when
    await until(async () => String(await redis.client().client("LIST")).includes("cmd=xread"));
    const told = tab.heard("change", concerns("pools/mail"));
    const begun = performance.now();
    await mail.add("send", {});
    const { id, data } = await told;
    expect(performance.now() - begun).toBeLessThan(500);
    expect(data.topics).toEqual(expect.arrayContaining(["tasks", "overview", "pools/mail"]));

    // when it is interrupted, and something happens meanwhile
    tab.close();
    await tab.ended;
    const news = await namespace.pool("news");
    await news.add("print", {});
    await new Promise((resolve) => setTimeout(resolve, 500));
    const again = await listen(origin, { "last-event-id": id ?? "" });
    const withParameter = await listen(origin, {}, `?after=${id}`);
    await until(() => again.events.length >= 2);
    // then: it hears that alone
    expect(again.events[1]).toMatchObject({ event: "change" });
    expect(again.events[1]?.data.topics).toEqual(expect.arrayContaining([expect.stringMatching(/^pools(\/news)?$/)]));
    expect(again.events[1]?.data.topics).not.toContain("*");
    await until(() => withParameter.events.length >= 2);
    expect(withParameter.events[1]).toEqual(again.events[1]);
    // and of an event of another dashboard, or before its restart, everything may have changed
    const late = await listen(origin, { "last-event-id": "0123456789ab-7" });
    await until(() => late.events.length >= 2);
    expect(late.events[1]?.data).toEqual({ topics: ["*"] });
  });

  test("says since when Redis does not answer, and that everything may have changed when it does again", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const tab = await listen(origin);
    await until(() => tab.events.length >= 3);
    // when
    const lost = tab.heard("pulse", ({ redis: state }) => state !== "ok");
    await redis.stop();
    // then
    const { data } = await lost;
    expect(data).toMatchObject({
      roundTrip: null,
      counts: null,
      redis: { problem: expect.any(String), retryIn: 1_500 },
    });
    expect(Math.abs(Date.now() - data.redis.since)).toBeLessThan(5_000);
    // when
    const everything = tab.heard("change", concerns("*"));
    await redis.restart();
    // then
    await everything;
    await tab.heard("pulse", ({ redis: state }) => state === "ok");
  });

  test("is refused without the token and beyond the most, and ends when the dashboard stops", async () => {
    // given
    const dashboard = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const { origin } = dashboard;
    expect((await ask(origin, "/api/v1/events")).status).toBe(401);
    expect(
      (await ask(origin, "/api/v1/events", { headers: { ...BEARER, "last-event-id": "x".repeat(101) } })).status,
    ).toBe(400);
    const tabs = await Promise.all(Array.from({ length: 256 }, () => listen(origin)));
    // when
    const one = await ask(origin, "/api/v1/events", { headers: BEARER });
    // then
    expect(one.status).toBe(503);
    expect(JSON.parse(one.text)).toMatchObject({
      title: "Too many event streams",
      detail: "256 event streams are open, which is the most of one dashboard; close some tabs",
    });
    // and when one leaves, another may come
    tabs.pop()?.close();
    await until(async () => {
      const next = await listen(origin);
      if (next.status === 200) tabs.push(next);
      return next.status === 200;
    });
    // when
    await dashboard.stop();
    // then
    await Promise.all(tabs.map((tab) => tab.ended));
  });
});

describe("the feed of a dashboard", () => {
  test("begins with the first stream, ends after the last one, and tells a slow one all it missed at once", async () => {
    // given
    let change: (topics: readonly string[]) => void = () => {};
    let running = 0;
    const feed = new LiveFeed({
      open: (on) => {
        change = on.onChange;
        return {
          start: () => {
            running += 1;
          },
          stop: async () => {
            running -= 1;
          },
        };
      },
      logger: { warn: () => {} },
      linger: 10,
    });
    expect([feed.lastId, running]).toEqual([null, 0]);
    const leave = feed.listen(() => {});
    const leaveToo = feed.listen(() => {});
    expect(running).toBe(1);
    const start = feed.lastId ?? "";
    // when
    change(["pools/a", "tasks"]);
    change(["pools/b", "tasks"]);
    // then
    expect(feed.after(start)).toEqual({ id: feed.lastId, topics: ["pools/a", "tasks", "pools/b"] });
    expect(feed.after(feed.lastId ?? "")).toBe(null);
    // when it is very many
    change(Array.from({ length: 101 }, (_, index) => `pools/${index}`));
    expect(feed.after(start)?.topics).toEqual(["pools", "tasks"]);
    // when there are more than are kept
    for (let index = 0; index < 600; index += 1) change(["tasks"]);
    expect(feed.after(start)?.topics).toEqual(["*"]);
    // when all leave
    leave();
    leaveToo();
    // then
    await until(() => running === 0);
    expect(feed.lastId).toBe(null);
    feed.listen(() => {});
    expect(running).toBe(1);
    expect(feed.after(start)?.topics).toEqual(["*"]);
    await feed.stop();
    expect(running).toBe(0);
  });
});

describe("shared answers", () => {
  let feed: LiveFeed;
  let change: (topics: readonly string[]) => void;
  let reads: SharedReads;
  let readings: PromiseWithResolvers<SharedAnswer>[];

  beforeEach(() => {
    feed = new LiveFeed({
      open: (on) => {
        change = on.onChange;
        on.onPulse({ at: 1, redis: "ok", roundTrip: 1, counts: null });
        return { start: () => {}, stop: async () => {} };
      },
      logger: { warn: () => {} },
    });
    reads = new SharedReads(feed);
    readings = [];
    feed.listen(() => {});
    onTestFinished(() => feed.stop());
  });

  const question = (more: Partial<SharedQuestion> = {}): SharedQuestion => ({
    ...{ key: "/pools", topics: ["pools"], maxAge: 10_000, told: feed.lastId ?? undefined },
    read: () => {
      const reading = Promise.withResolvers<SharedAnswer>();
      readings.push(reading);
      return reading.promise;
    },
    ...more,
  });
  const body = (text: string): SharedAnswer => ({ status: 200, type: "application/json", body: text });

  test("pages that follow the events share one reading until one of its topics changes", async () => {
    // when
    const first = [reads.answer(question()), reads.answer(question())];
    readings[0]?.resolve(body("one"));
    // then
    expect((await Promise.all(first)).map((answer) => answer.body)).toEqual(["one", "one"]);
    expect((await reads.answer(question())).body).toBe("one");
    change(["hosts", "poolsite/mail"]);
    expect((await reads.answer(question())).body).toBe("one");
    expect(readings).toHaveLength(1);
    // when
    change(["pools"]);
    const second = [reads.answer(question()), reads.answer(question())];
    await until(() => readings.length === 2);
    readings[1]?.resolve(body("two"));
    // then
    expect((await Promise.all(second)).map((answer) => answer.body)).toEqual(["two", "two"]);
    expect(readings).toHaveLength(2);
    // and other requests, and those of other roles, have their own
    void reads.answer(question({ key: "viewer /pools" }));
    expect(readings).toHaveLength(3);
    // when something was changed through this dashboard
    reads.changed();
    void reads.answer(question());
    expect(readings).toHaveLength(4);
  });

  test.each([
    ["hosts", ["hosts/oslo"]],
    ["hosts/oslo", ["hosts"]],
    ["*", ["objects"]],
  ])("a change of %s is one of %s", async (changed, topics) => {
    const first = reads.answer(question({ topics }));
    readings[0]?.resolve(body("one"));
    await first;
    change([changed]);
    void reads.answer(question({ topics }));
    await until(() => readings.length === 2);
  });

  test("a program gets what was read after it asked; those who ask meanwhile share the next reading", async () => {
    // given: one reading is under way
    const told = undefined;
    const first = reads.answer(question({ told }));
    // when
    const others = [reads.answer(question({ told })), reads.answer(question({ told }))];
    expect(readings).toHaveLength(1);
    readings[0]?.resolve(body("one"));
    expect((await first).body).toBe("one");
    await until(() => readings.length === 2);
    readings[1]?.resolve(body("two"));
    // then
    expect((await Promise.all(others)).map((answer) => answer.body)).toEqual(["two", "two"]);
    void reads.answer(question({ told }));
    expect(readings).toHaveLength(3);
  });

  test("a failed reading is not kept, and an answer is no older than it may be", async () => {
    const failed = reads.answer(question());
    readings[0]?.reject(new Error("lost"));
    await expect(failed).rejects.toThrow("lost");
    const refused = reads.answer(question());
    await until(() => readings.length === 2);
    readings[1]?.resolve({ ...body("no"), status: 404 });
    await refused;
    void reads.answer(question({ maxAge: 0 }));
    await until(() => readings.length === 3);
  });

  test("slow readings leave Redis time between them, for pages", async () => {
    // given: one that took 60 ms
    const first = reads.answer(question());
    await new Promise((resolve) => setTimeout(resolve, 60));
    readings[0]?.resolve(body("one"));
    await first;
    change(["pools"]);
    // when
    const next = reads.answer(question());
    await new Promise((resolve) => setTimeout(resolve, 100));
    // then
    expect(readings).toHaveLength(1);
    await until(() => readings.length === 2);
    readings[1]?.resolve(body("two"));
    expect((await next).body).toBe("two");
  });

  test("take bounded room, the oldest make place", async () => {
    for (let index = 0; index < 250; index += 1) {
      const answer = reads.answer(question({ key: `/pools/${index}` }));
      readings.at(-1)?.resolve(body("x"));
      await answer;
    }
    void reads.answer(question({ key: "/pools/249" }));
    expect(readings).toHaveLength(250);
    void reads.answer(question({ key: "/pools/3" }));
    expect(readings).toHaveLength(251);
  });
});

test("ten pages cost Redis as much as one, and a program always reads what is", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const mail = await namespace.pool("mail");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  const tab = await listen(origin);
  await until(() => tab.events.length >= 2);
  const id = tab.events[1]?.id;
  await until(async () => String(await redis.client().client("LIST")).includes("cmd=xread"));
  const page = { headers: { ...BEARER, "x-manyhands-told": id ?? "" } };
  const lists = async () =>
    Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.client().info("commandstats"))?.[1] ?? 0);
  const before = await lists();
  // when
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(origin, "/api/v1/pools", page)));
  // then
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers[0]?.headers["content-type"]).toBe("application/json");
  expect(answers.map(({ headers }) => headers["cache-control"])).toEqual(Array(10).fill("no-store"));
  expect((await lists()) - before).toBe(1);
  // and a long one is compressed for those who take that
  await Promise.all(Array.from({ length: 20 }, (_, index) => namespace.pool(`pool-${index}`)));
  const zipped = await fetch(`${origin}/api/v1/pools`, { headers: { ...BEARER, "accept-encoding": "gzip" } });
  expect([zipped.headers.get("content-encoding"), zipped.headers.get("vary")]).toEqual(["gzip", "Accept-Encoding"]);
  expect(((await zipped.json()) as { pools: unknown[] }).pools).toHaveLength(21);
  // when
  await mail.add("send", {});
  const program = await ask(origin, "/api/v1/pools", { headers: BEARER });
  // then
  expect(JSON.parse(program.text).pools).toMatchObject([{ name: "mail", waiting: 1 }, ...Array(20).fill({})]);
  await until(() => tab.events.slice(2).some(({ event, data }) => event === "change" && concerns("pools/mail")(data)));
  expect(JSON.parse((await ask(origin, "/api/v1/pools", page)).text).pools[0]).toMatchObject({ waiting: 1 });
  // when a page changes something, it sees that at once
  await ask(origin, "/api/v1/pools/mail", { ...page, method: "PATCH", body: { paused: true } });
  expect(JSON.parse((await ask(origin, "/api/v1/pools/mail", page)).text)).toMatchObject({ paused: true });
});
