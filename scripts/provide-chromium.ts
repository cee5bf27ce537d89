import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * Sets CHROMIUM_PATH to a browser for the tests that need one, installing it where that asks nobody: on
 * Debian and its relatives, as root. Without one, those tests say that they are skipped.
 */
export function provideChromium(): void {
  if (process.env["CHROMIUM_PATH"] !== undefined) return;
  const found = onPath() ?? install();
  if (found === undefined) console.log("no Chromium on the PATH: the browser tests will be skipped");
  else process.env["CHROMIUM_PATH"] = found;
}

function onPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}

function install(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return undefined;
  console.log("installing Chromium for the browser tests");
  const apt = (...args: string[]): boolean =>
    spawnSync("apt-get", ["-qq", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 300_000,
    }).status === 0;
  return apt("update") && apt("install", "-y", "--no-install-recommends", "chromium") ? onPath() : undefined;
}
