import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { RedisUnfitError } from "../../errors/index.ts";
import { pause } from "../../time/index.ts";
import { lockDirectory } from "./directory-lock.ts";
import type { ServerBinary } from "./find-server.ts";
import { freePort } from "./free-port.ts";
import { hideDataFiles, makePrivateFolder } from "./private-files.ts";
import { answersAs } from "./probe.ts";
import type { RedisServer, RedisServerOptions, RedisWay } from "./server.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

/** Milliseconds until a server must take commands; a large append-only file is read in this time. */
const START_DEADLINE = 30_000;
/** Milliseconds between SIGTERM and SIGKILL. */
const STOP_DEADLINE = 5_000;
const PORT_ATTEMPTS = 5;
const LOG_FILE = "redis-server.log";

/**
 * Starts the program as a private server on loopback and waits until it takes commands.
 *
 * @throws RedisUnfitError when another server has the folder, or with the server's own last lines when it does not start
 */
export async function startLocalServer(
  binary: ServerBinary,
  source: RedisWay,
  options: RedisServerOptions,
): Promise<RedisServer> {
  const password = options.password ?? randomBytes(18).toString("base64url");
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const running = await launch(binary, { ...options, port, password });
    const failure = await untilReady(running, port, password);
    if (failure === undefined) return present(running, { source, port, password });
    await end(running);
    // Another program took the port between our look and the server's start.
    const cause = listenFailure(failure);
    const portTaken = cause?.code === "EADDRINUSE";
    if (!portTaken || options.port !== undefined || attempt === PORT_ATTEMPTS) {
      throw new RedisUnfitError(`${binary.path} (${binary.version}) did not start on port ${port}: ${failure}`, {
        cause,
      });
    }
  }
}

/** Why the server cannot listen, as a failed system call of this process would say it; undefined for another reason. */
function listenFailure(failure: string): NodeJS.ErrnoException | undefined {
  const [, reason = ""] = /(address already in use|bind: permission denied)/i.exec(failure) ?? [];
  if (reason === "") return undefined;
  const code = /in use/i.test(reason) ? "EADDRINUSE" : "EACCES";
  return Object.assign(new Error(reason), { code, syscall: "listen" });
}

interface Running {
  child: ChildProcess;
  watchdog: Watchdog;
  directory: string;
  removeDirectory: boolean;
  /** Gives the folder back. */
  release: () => Promise<void>;
  exited: Promise<void>;
  failedToSpawn: Error | undefined;
}

async function launch(
  binary: ServerBinary,
  options: RedisServerOptions & { port: number; password: string },
): Promise<Running> {
  const removeDirectory = options.directory === undefined;
  // The server runs in it, for which a relative path would be another one.
  const directory = resolve(options.directory ?? (await mkdtemp(join(tmpdir(), "manyhands-redis-"))));
  if (!removeDirectory) {
    await makePrivateFolder(directory);
    await hideDataFiles(directory);
  }
  // A file and not a pipe: a pipe that a busy owner does not read would stop the server. It is emptied by who has the
  // folder: until then it may be another server's.
  const log = openSync(join(directory, LOG_FILE), "a", 0o600);
  const watchdog = startWatchdog(removeDirectory ? directory : undefined);
  // The shell waits for a line before it becomes the server, so that the watchdog knows the pid before there is a
  // server. The settings follow on stdin: on the command line every user could read the password.
  // Detached: Ctrl+C in a terminal must reach the owner alone, which may need Redis to end well.
  // The umask: what the server writes, above all its append-only file, is for this user alone.
  const child = spawn(
    "/bin/sh",
    ["-c", 'umask 077; read -r go && exec "$@"', "sh", binary.path, "-", ...(options.extraArguments ?? [])],
    {
      cwd: directory,
      detached: true,
      env: { ...process.env, ...binary.environment },
      stdio: ["pipe", log, log],
    },
  );
  closeSync(log);
  const running: Running = {
    child,
    watchdog,
    directory,
    removeDirectory,
    release: async () => {},
    failedToSpawn: undefined,
    exited: new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", (error) => {
        running.failedToSpawn = error;
        resolve();
      });
    }),
  };
  void running.exited.then(() => {
    watchdog.forget();
    return running.release();
  });
  if (child.pid !== undefined) watchdog.guard(child.pid);
  child.stdin?.on("error", () => {});
  child.unref();
  try {
    if (child.pid !== undefined && !removeDirectory) running.release = await lockDirectory(directory, child.pid);
    await truncate(join(directory, LOG_FILE));
  } catch (error) {
    // Without its line the shell ends and does not become a server.
    child.stdin?.end();
    await end(running);
    throw error;
  }
  child.stdin?.end(`go\n${settings(options, directory)}`);
  return running;
}

function settings(options: RedisServerOptions & { port: number; password: string }, directory: string): string {
  return [
    "bind 127.0.0.1",
    `port ${options.port}`,
    `requirepass ${quote(options.password)}`,
    `dir ${quote(directory)}`,
    `appendonly ${options.appendOnly === false ? "no" : "yes"}`,
    'save ""',
    "maxmemory-policy noeviction",
    "daemonize no",
    'logfile ""',
    "",
  ].join("\n");
}

/** A word of a Redis configuration file. */
function quote(word: string): string {
  return `"${word.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** Says why the server does not take commands; `undefined` when it does. */
async function untilReady(running: Running, port: number, password: string): Promise<string | undefined> {
  const deadline = performance.now() + START_DEADLINE;
  let exited = false;
  void running.exited.then(() => {
    exited = true;
  });
  while (performance.now() < deadline) {
    if (exited) return running.failedToSpawn?.message ?? (await lastLines(running.directory));
    if (await answersAs(running.child.pid, port, password)) return undefined;
    await pause(5);
  }
  return `it took no commands within ${START_DEADLINE} ms; ${await lastLines(running.directory)}`;
}

async function lastLines(directory: string): Promise<string> {
  const text = await readFile(join(directory, LOG_FILE), "utf8").catch(() => "");
  return text.trim().split("\n").slice(-8).join("\n") || "it printed nothing";
}

function present(running: Running, facts: Pick<RedisServer, "source" | "port" | "password">): RedisServer {
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= end(running);
    return stopped;
  };
  return {
    ...facts,
    url: `redis://:${encodeURIComponent(facts.password)}@127.0.0.1:${facts.port}`,
    pid: running.child.pid ?? null,
    directory: running.directory,
    exited: running.exited,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function end(running: Running): Promise<void> {
  running.child.ref();
  running.child.kill("SIGTERM");
  const timer = setTimeout(() => running.child.kill("SIGKILL"), STOP_DEADLINE);
  await running.exited;
  clearTimeout(timer);
  await running.release();
  if (running.removeDirectory) await rm(running.directory, { recursive: true, force: true });
  running.watchdog.dismiss();
}
