import { spawn } from "node:child_process";
import type { Socket } from "node:net";

/**
 * Kills the process when this one is gone, however it ended: a pipe closes then, and a small shell reads it.
 *
 * @returns to be called when the process has ended: its pid may belong to somebody else then
 */
export function dieWithUs(pid: number): () => void {
  const shell = spawn(
    "/bin/sh",
    ["-c", 'trap "" HUP INT TERM; cat >/dev/null; kill -KILL "$1" 2>/dev/null', "sh", String(pid)],
    {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    },
  );
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  (shell.stdin as Socket).unref();
  return () => {
    shell.kill("SIGKILL");
    shell.stdin.destroy();
  };
}
