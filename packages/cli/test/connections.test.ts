import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ClosedError, connect } from "@manyhands/core";
import { closeRedis, openRedis } from "@manyhands/core/internal";
import { findServer, freePort, obtainPrivateCopy, startRedisServer } from "@manyhands/core/redis-server";
import { startDashboard } from "@manyhands/dashboard";
import { startCluster, startHostProcess, until, useFaultProxy } from "@manyhands/testing";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { fixture, run } from "./command-line.ts";

const TASKS = fixture("reaching-tasks.ts");

/** Programs, hosts, their children, commands and the dashboard find Redis by the URL. */
async function expectAllReach(url: string): Promise<void> {
  const place = { redis: url, namespace: "reach" };
  await startHostProcess({ url, namespace: place.namespace, tasks: [TASKS], slots: 2 });
  const mp = await connect(place);
  onTestFinished(() => mp.close());
  const [pool, queue] = [mp.pool(1), mp.queue("reached")];
  // A child with objects of its own.
  const pid = await pool.apply("put-from-child", ["reached", 7]);
  expect(pid).not.toBe(process.pid);
  expect(await queue.get({ timeout: 5_000 })).toBe(7);
  expect(await mp.lock("l").run(() => "held")).toBe("held");
  const commands = ["submit square 7 --wait", "task ls", "pool ls", "host ls", "object ls", "doctor", "map square"];
  const outcomes = await Promise.all(commands.map((words) => run(words.split(" "), { ...place, input: "3\n" })));
  expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual(commands.map(() => [0, ""]));
  expect([outcomes[0]?.stdout, outcomes[6]?.stdout]).toEqual(["49\n", "9\n"]);
  await using dashboard = await startDashboard({ ...place, port: 0, token: "a-token-for-tests" });
  const headers = { authorization: "Bearer a-token-for-tests" };
  const metrics = await (await fetch(new URL("/metrics", dashboard.origin), { headers })).text();
  expect(metrics).toContain("manyhands_redis_up 1\n");
  expect((await fetch(new URL("/healthz", dashboard.origin))).status).toBe(200);
  await pool.terminate();
  await mp.close();
  await expect(queue.put(1)).rejects.toBeInstanceOf(ClosedError);
}

test("redis+cluster://", async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const nodes = cluster.config.cluster.map(({ host, port }) => `${host}:${port}`).join(",");
  await expectAllReach(`redis+cluster://:${cluster.config.options.redisOptions.password}@${nodes}`);
}, 300_000);

test("redis+sentinel://, and calls go on over the death of the master", async () => {
  // given
  const password = "of-the-masters";
  const settings = ["--masterauth", password];
  const master = await startRedisServer({ password, appendOnly: false, extraArguments: settings });
  onTestFinished(() => master.stop());
  const replicaOf = [...settings, "--replicaof", `127.0.0.1 ${master.port}`, "--repl-diskless-sync-delay", "0"];
  const replica = await startRedisServer({ password, appendOnly: false, extraArguments: replicaOf });
  onTestFinished(() => replica.stop());
  const ports = await Promise.all([1, 2, 3].map(() => startSentinel(master.port, password)));
  await until(() => knowEachOther(ports), { what: "the Sentinels know each other and the replica" });
  const places = ports.map((port) => `127.0.0.1:${port}`).join(",");
  const url = `redis+sentinel://:${password}@${places}/mymaster?sentinelPassword=of-sentinels`;
  await expectAllReach(url);
  // when
  await using mp = await connect({ redis: url, namespace: "reach" });
  await using pool = mp.pool(2);
  let done = 0;
  const calls = Array.from({ length: 200 }, (_, index) =>
    pool.apply("slow-square", [index, 20]).finally(() => {
      done += 1;
    }),
  );
  await until(() => done >= 20, { what: "calls run" });
  // What a master has acknowledged and not passed on is lost with it.
  const near = new Redis({ port: master.port, password });
  await near.set("passed on", 1);
  expect(await near.wait(1, 20_000)).toBe(1);
  near.disconnect();
  if (master.pid !== null) process.kill(master.pid, "SIGKILL");
  const [sentinel = 0] = ports;
  await until(() => makesMaster(sentinel, replica.port), { what: "the replica is the master", timeout: 180_000 });
  // then
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index * index));
  expect(await pool.apply("square", [7])).toBe(49);
  // A job whose end was lost with the master runs again once its lock, of 30 s, has ended.
}, 300_000);

test("a connection by Sentinels stays when a failover is told while it asks for the master, and ends when it is closed", async () => {
  // given a Sentinel that is far away
  const password = "of-the-master";
  const master = await startRedisServer({ password, appendOnly: false });
  onTestFinished(() => master.stop());
  const proxy = await useFaultProxy(`redis://127.0.0.1:${await startSentinel(master.port, password)}`);
  const place = { host: "127.0.0.1", port: Number(new URL(proxy.url).port) };
  const client = openRedis(
    { sentinels: [place], name: "mymaster", password, sentinelPassword: "of-sentinels" },
    { name: "test" },
  ) as Redis & { stream: { destroy(): void } };
  onTestFinished(() => closeRedis(client));
  expect(await client.ping()).toBe("PONG");
  proxy.delay(300);
  const asksAgain = async (): Promise<void> => {
    client.stream.destroy();
    await until(() => client.status === "connecting", { what: "it asks for the master" });
  };

  // when
  await asksAgain();
  client.disconnect(true);

  // then
  expect(await client.ping()).toBe("PONG");

  // when
  await asksAgain();
  client.disconnect();

  // then
  await until(() => client.status === "end", { what: "it has ended" });
}, 300_000);

test("rediss:// with a certificate of the client", async ({ skip }) => {
  // given
  const folder = await mkdtemp(join(tmpdir(), "manyhands-tls-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const made = await makeCertificates(folder).catch((error: Error) => error);
  if (made instanceof Error) return skip(`openssl makes no certificates here: ${made.message}`);
  const at = (name: string) => join(folder, name);
  const port = await freePort();
  const tls = [
    ...["--tls-port", String(port), "--tls-ca-cert-file", at("ca.pem"), "--tls-auth-clients", "yes"],
    ...["--tls-cert-file", at("redis.internal.pem"), "--tls-key-file", at("redis.internal.key")],
  ];
  const server = await startRedisServer({ appendOnly: false, extraArguments: tls }).catch((error: Error) => error);
  if (server instanceof Error) return skip(`this Redis has no TLS: ${server.message}`);
  onTestFinished(() => server.stop());
  const files = `ca=${at("ca.pem")}&cert=${at("client.pem")}&key=${at("client.key")}`;
  const url = `rediss://:${server.password}@127.0.0.1:${port}/0?${files}&servername=redis.internal`;
  // when, then
  await expectAllReach(url);
  const stranger = await run(["task", "ls"], { redis: url.replace(/&cert=.*&/, "&") });
  expect(stranger).toMatchObject({ code: 3, stderr: expect.stringMatching(/^error: Redis at .* is not reachable: /) });
}, 300_000);

/** @returns its port */
async function startSentinel(master: number, password: string): Promise<number> {
  const binary = await findServer().catch(() => obtainPrivateCopy());
  const folder = await mkdtemp(join(tmpdir(), "manyhands-sentinel-"));
  const port = await freePort();
  const lines = [
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nrequirepass of-sentinels\nsentinel sentinel-pass of-sentinels`,
    `sentinel monitor mymaster 127.0.0.1 ${master} 2\nsentinel auth-pass mymaster ${password}`,
    // A Sentinel that gets no processor for 2 s does nothing for 30 s, and one that notes the death of a master 10 times this
    // time after its replica has lost it never makes the replica the master. The test demands the failover itself.
    "sentinel down-after-milliseconds mymaster 30000\nsentinel failover-timeout mymaster 60000\n",
  ];
  await writeFile(join(folder, "sentinel.conf"), lines.join("\n"));
  const env = { ...process.env, ...binary.environment };
  const sentinel = spawn(binary.path, [join(folder, "sentinel.conf"), "--sentinel"], { env, stdio: "ignore" });
  const exited = new Promise((resolve) => sentinel.once("close", resolve));
  onTestFinished(async () => {
    sentinel.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  });
  return port;
}

async function knowEachOther(ports: readonly number[]): Promise<boolean> {
  const looks = ports.map((port) =>
    askSentinel(port, async (sentinel) => {
      const facts = await sentinel.info("sentinel");
      return facts.includes("status=ok") && facts.includes("slaves=1,sentinels=3");
    }),
  );
  return (await Promise.all(looks)).every(Boolean);
}

/** Whether a Sentinel names that server as the master; else it is to make its replica the master, if it does not already. */
function makesMaster(sentinel: number, server: number): Promise<boolean> {
  return askSentinel(sentinel, async (client) => {
    const [, port] = (await client.call("sentinel", "get-master-addr-by-name", "mymaster")) as string[];
    if (port === String(server)) return true;
    await client.call("sentinel", "failover", "mymaster");
    return false;
  });
}

/** @returns false when it does not answer, or refuses */
async function askSentinel(port: number, ask: (client: Redis) => Promise<boolean>): Promise<boolean> {
  const client = new Redis({ port, password: "of-sentinels", maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on("error", () => {});
  try {
    return await ask(client);
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

/** An authority `ca`, and what it has signed: `redis.internal` and `client`. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...words: string[]) => promisify(execFile)("openssl", words, { cwd: folder, timeout: 10_000 });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca");
  for (const name of ["redis.internal", "client"]) {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`];
    await openssl("req", ...key, ...files, "-addext", `subjectAltName=DNS:${name}`);
    const signed = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-days", "2", "-copy_extensions", "copy"];
    await openssl("x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", ...signed);
  }
}
