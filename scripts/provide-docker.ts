import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provideEngine } from "./docker-engine.ts";
import { ROOT } from "./root.ts";

const BUILD_IMAGE = join(ROOT, "packages/testing/test/docker/build-image.ts");

/**
 * Sees to it that a Docker engine answers the tests that need one, starting it where that asks nobody: as root. Without
 * one, those tests say that they are skipped; this never fails. Begins to build their image, which takes a minute or two
 * beside other tests. Returns what stops the engine that was started here.
 */
export function provideDocker(): () => void {
  const engine = provideEngine();
  if (engine.reason !== "") {
    console.log(`no Docker engine, the container tests will be skipped: ${engine.reason}`);
    return () => engine.stop();
  }
  const stopBuild = startBuild();
  return () => {
    stopBuild();
    engine.stop();
  };
}

/** Builds the image in the background, and puts into the environment of this process what the tests wait for. */
function startBuild(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "manyhands-image-"));
  const log = join(folder, "log");
  const image = `manyhands-test:${process.pid}`;
  process.env["MANYHANDS_TEST_IMAGE"] = image;
  const output = openSync(log, "w");
  // This process waits for Vitest and hears of nothing: the shell notes how the build has ended, whatever becomes of it.
  const script = '"$0" "$1" build; echo $? >"$2.ended"; "$0" "$1" keep';
  const build = spawn("sh", ["-c", script, process.execPath, BUILD_IMAGE, log], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", output, output],
  });
  process.env["MANYHANDS_TEST_IMAGE_LOG"] = log;
  return () => {
    if (build.pid !== undefined) kill(-build.pid);
    spawnSync("docker", ["image", "rm", "--force", image], { stdio: "ignore", timeout: 30_000 });
    rmSync(folder, { recursive: true, force: true });
  };
}

/** Ends a group of processes, if it still runs. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {}
}
