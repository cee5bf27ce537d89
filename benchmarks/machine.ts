import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { Redis } from "ioredis";

const require = createRequire(import.meta.url);

/** What the figures of a run belong to, in one line, with what else the machine did meanwhile. */
export async function machine(url: string): Promise<string> {
  const redis = new Redis(url);
  const version = /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1];
  redis.disconnect();
  const { version: bullmq } = JSON.parse(readFileSync(require.resolve("bullmq/package.json"), "utf8"));
  const model = cpus()[0]?.model.trim() ?? "processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `${cpus().length} x ${model}, ${memory} GiB, ${type()} ${release()}, Redis ${version}, Node ${process.versions.node}, ` +
    `BullMQ ${bullmq}; load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`
  );
}
