import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.ts";

const ENGINE = join(ROOT, "scripts/docker-engine.sh");

/**
 * Sees to it that a Docker engine answers the tests that need one, starting it where that asks nobody: as root, with
 * scripts/docker-engine.sh. Without one, those tests say that they are skipped; this never fails.
 */
export function provideDocker(): void {
  if (answers()) return;
  if (process.getuid?.() === 0 && existsSync(ENGINE)) {
    console.log("starting a Docker engine for the container tests");
    spawnSync("bash", [ENGINE, "start"], { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], timeout: 300_000 });
  }
  if (!answers()) console.log("no Docker engine answers: the container tests will be skipped");
}

function answers(): boolean {
  return spawnSync("docker", ["info"], { stdio: "ignore", timeout: 20_000 }).status === 0;
}
