import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";

const redis = useRedis();
const program = fileURLToPath(new URL("fixtures/forgetful.ts", import.meta.url));

test("PL18: an unnamed pool that is dropped without close or terminate is warned of and removed; no other is", async () => {
  const namespace = redis.namespace();
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", program, redis.url, namespace]);
  const { forgotten, said } = JSON.parse(stdout) as { forgotten: string; said: string[] };
  expect(said).toEqual([
    `pool "${forgotten}" was dropped without close() or terminate(); it is removed now. Make it with "await using", or end it`,
  ]);
  const client = redis.client();
  expect(Object.keys(await client.hgetall(`{${namespace}}/pools`))).toEqual(["named"]);
  expect(await client.keys(`*${forgotten}*`)).toEqual([]);
});

test("a pending call takes at most 1 KiB of its program and 280 bytes of Redis for its job", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    fileURLToPath(new URL("fixtures/many-pending.ts", import.meta.url)),
    redis.url,
    redis.namespace(),
  ]);
  const { heap, job } = JSON.parse(stdout) as { heap: number; job: number };
  expect(heap).toBeGreaterThan(100);
  expect(heap).toBeLessThan(1_024);
  expect(job).toBeLessThanOrEqual(280);
});
