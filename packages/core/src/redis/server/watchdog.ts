import { spawn } from "node:child_process";
import type { Socket } from "node:net";

/** A tiny process that outlives its owner just long enough to end what the owner started. */
export interface Watchdog {
  /** From now on, end this process when the owner is gone. */
  guard(pid: number): void;
  /** The guarded process has ended: its pid may belong to another process now. */
  forget(): void;
  /** Everything is cleaned up: go away. */
  dismiss(): void;
}

/**
 * It reads a pipe whose other end only the owner has: any end of the owner, by SIGKILL too, closes the pipe. Then the
 * server gets SIGTERM (it writes its append-only file), after five seconds SIGKILL, and its temporary folder is removed.
 * A shell and not a Node process, because it costs 1 MB and starts at once. A zombie that is not reaped counts as ended.
 */
const SCRIPT = `
trap '' HUP INT TERM
server=
while read -r word; do
  if [ "$word" = forget ]; then server=; else server=$word; fi
done
if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then
  tries=0
  while kill -0 "$server" 2>/dev/null && [ "$tries" -lt 50 ]; do
    case "$(cat "/proc/$server/stat" 2>/dev/null)" in *") Z "*) break ;; esac
    tries=$((tries + 1))
    sleep 0.1
  done
  if [ "$tries" -ge 50 ]; then kill -KILL "$server" 2>/dev/null; sleep 0.1; fi
fi
if [ -n "$1" ]; then rm -rf -- "$1"; fi
`;

/** @param directory - Folder to remove at the end, if any. */
export function startWatchdog(directory: string | undefined): Watchdog {
  // Detached: it must survive a Ctrl+C and a kill of the owner's whole process group.
  const child = spawn("/bin/sh", ["-c", SCRIPT, "manyhands-redis-watchdog", directory ?? ""], {
    cwd: "/",
    detached: true,
    env: { PATH: `${process.env["PATH"] ?? ""}:/usr/bin:/bin` },
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  (child.stdin as Socket).unref();
  return {
    guard: (pid) => void child.stdin.write(`${pid}\n`),
    forget: () => void (child.stdin.writable && child.stdin.write("forget\n")),
    dismiss: () => void child.stdin.end(),
  };
}
