import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./root.ts";

const SCRIPT = join(ROOT, "scripts/docker-engine.sh");

/** A Docker engine that answers, or why there is none. */
export interface Engine {
  /** Empty when an engine answers. */
  reason: string;
  /** Ends the use of the engine; one that was started for tests stops when no run uses it any more. */
  stop(): void;
}

/**
 * Finds a Docker engine, or starts one as root with scripts/docker-engine.sh, and puts into the environment of this
 * process how to reach it (DOCKER_HOST and the like). Never throws: without an engine it says why.
 */
export function provideEngine(): Engine {
  const { reason, output } = runScript("start");
  if (reason !== "") return { reason, stop: () => {} };
  for (const [name, value] of Object.entries(exportedVariables(output))) process.env[name] = value;
  return { reason: "", stop: () => void runScript("stop") };
}

function runScript(verb: "start" | "stop"): { reason: string; output: string } {
  // A first start unpacks packages; the bound is for a machine whose mirror never answers.
  const ended = spawnSync("sh", [SCRIPT, verb, String(process.pid)], { encoding: "utf8", timeout: 280_000 });
  if (ended.status === 0) return { reason: "", output: ended.stdout };
  const lastWord = (ended.stderr ?? "").trim().split("\n").at(-1);
  return { reason: lastWord || `${SCRIPT} ${verb} ended with ${ended.error?.message ?? ended.status}`, output: "" };
}

/** Reads lines such as `export DOCKER_HOST='unix:///run/docker.sock'` and `export PATH="$PATH:/opt/bin"`. */
function exportedVariables(text: string): Record<string, string> {
  const lines = [...text.matchAll(/^export (\w+)=(['"])(.*)\2$/gm)];
  return Object.fromEntries(
    lines.map(([, name = "", , value = ""]) => [name, value.replace("$PATH", process.env["PATH"] ?? "")]),
  );
}
