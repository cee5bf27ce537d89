import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { type HostProcess, startHostProcess, until, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type Question } from "../fixtures/ask.ts";
import { BEARER, TOKEN } from "../fixtures/dashboard.ts";

const redis = useRedis();
const namespace = redis.namespace();
const tasks = [fileURLToPath(new URL("../fixtures/fleet-tasks.ts", import.meta.url))];
const hosts = new Map<string, HostProcess>();
let dashboard: Dashboard;
let mp: Awaited<ReturnType<typeof connect>>;

async function startHost(name: string, slots: number): Promise<HostProcess> {
  const words = ["--name", name, "--grace", "300"];
  const host = await startHostProcess({ url: redis.url, namespace, tasks, slots, arguments: words });
  hosts.set(name, host);
  return host;
}

beforeAll(async () => {
  dashboard = await startDashboard({ port: 0, token: TOKEN, redis: redis.url, namespace });
  mp = await connect({ redis: redis.url, namespace });
  await Promise.all([startHost("oslo", 3), startHost("lima", 2)]);
});
afterAll(async () => {
  await mp.close();
  await dashboard.stop();
});

interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what is tested
  body: any;
}

async function call(path: string, question: Question = {}): Promise<Reply> {
  const headers = { ...BEARER, ...question.headers };
  const answer = await ask(dashboard.origin, `/api/v1${path}`, { ...question, headers });
  return { status: answer.status, body: JSON.parse(answer.text) };
}
const get = async (path: string): Promise<Reply["body"]> => (await call(path)).body;
const hostNamed = async (name: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  (await get("/hosts?gone=true")).hosts.find((host: any) => host.name === name);
const goneNamed = (name: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  until(async () => (await get("/hosts?gone=true")).gone.find((host: any) => host.name === name), { timeout: 20_000 });

describe("hosts that are gone", () => {
  test("one that is told to end says how it ended and what became of its tasks", async () => {
    // given
    const host = await startHost("quito", 1);
    // as many as there are slots, so that it runs one
    for (let call = 0; call < 6; call += 1) await mp.submit("rest", [60_000], { pool: "short" });
    await until(async () => (await hostNamed("quito"))?.running.length === 1);

    // when
    host.kill("SIGTERM");
    await host.exited;

    // then
    const gone = await goneNamed("quito");
    expect(gone).toMatchObject({ how: "ended", reason: "SIGTERM", finished: 0, givenBack: 1, slots: 1 });
    expect(
      (await get(`/hosts/${gone.id}/log?level=warn`)).lines.map(({ message }: { message: string }) => message),
    ).toContainEqual(expect.stringMatching(/^giving back 1 running job/));
    await mp.pools.remove("short", { force: true });
  });

  test("one that is killed is noticed, and its last lines can be read", async () => {
    // given
    const host = await startHost("gone", 1);
    const { id } = await until(() => hostNamed("gone"));
    await until(async () => (await get(`/hosts/${id}/log`)).lines.length > 0);

    // when
    host.kill("SIGKILL");
    await host.exited;

    // then
    const gone = await goneNamed("gone");
    expect(gone).toMatchObject({ id, how: "killed", reason: null, finished: null, pid: host.pid });
    const { lines } = await get(`/hosts/${id}/log`);
    expect(lines.at(-1)).toMatchObject({ level: "info", message: expect.stringMatching(/^host "gone" takes work/) });
    await until(() => [...hosts.values()].some(({ output }) => /gone.* is gone: its process has ended/.test(output)));
  });
});
