import { spawnSync } from "node:child_process";

let supported: boolean | undefined;

/**
 * Whether the system kills a child when its parent dies: Linux with the `setpriv` of util-linux (busybox has a
 * `setpriv` without the option). Looked up once.
 */
export function systemKillsOrphans(): boolean {
  supported ??=
    process.platform === "linux" &&
    spawnSync("setpriv", ["--pdeathsig", "KILL", "true"], { stdio: "ignore" }).status === 0;
  return supported;
}

/** The command line that runs `command` so that it dies with the process that starts it. */
export function dyingWithParent(command: string, args: string[]): { command: string; args: string[] } {
  return { command: "setpriv", args: ["--pdeathsig", "KILL", command, ...args] };
}
