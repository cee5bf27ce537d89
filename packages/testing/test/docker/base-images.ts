import { join } from "node:path";
import { ROOT, run } from "./command-line.ts";

export interface BaseImages {
  NODE_IMAGE: string;
  REDIS_IMAGE: string;
}

/** Images made on this machine, so that the tests need no registry. */
export async function makeBaseImages(): Promise<BaseImages> {
  const exports = await run("sh", [join(ROOT, "docker/make-base-images.sh"), process.execPath], { timeout: 180_000 });
  const found = Object.fromEntries(
    [...exports.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
  );
  return { NODE_IMAGE: found["NODE_IMAGE"] ?? "", REDIS_IMAGE: found["REDIS_IMAGE"] ?? "" };
}
