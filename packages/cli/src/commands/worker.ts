import type { Isolation } from "@manyhands/core";
import { assertPoolName, plural } from "@manyhands/core/internal";
import type { LogFormat, LogLevel, WorkerHost, WorkerOptions } from "@manyhands/worker";
import { type Command, Option } from "commander";
import { addressError } from "../failure/address-error.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../failure/exit-code.ts";
import { UsageError } from "../failure/usage-error.ts";
import { action, type Invocation, newCommand } from "../invocation.ts";
import { IdleMemory } from "../memory/idle-memory.ts";
import { commaList, wholeNumber } from "../parse/numbers.ts";
import { renamedOption } from "../parse/renamed-option.ts";
import { loadEnvFile } from "../settings/env-file.ts";
import { checkHostFile, type HostFile, readHostFile } from "../settings/host-file.ts";
import { mergeHostOptions } from "../settings/host-options.ts";

interface Options {
  tasks?: string[];
  config?: string;
  /** What that file says, once it is read. */
  hostFile?: HostFile;
  envFile?: string;
  import?: string[];
  watch?: true;
  schedules?: string;
  waitForRedis?: number;
  slots?: number;
  processes?: number;
  labels?: string[];
  isolation?: Isolation;
  pools?: string[];
  lockNodes?: string[];
  name?: string;
  grace?: number;
  healthPort?: number;
  healthAddress?: string;
  maxHeap?: number;
  minChildren?: number;
  maxChildren?: number;
  maxChildIdle?: number;
  maxChildAge?: number;
  maxChildMemory?: number;
  maxTasksPerChild?: number;
  echo?: true;
  logLevel?: LogLevel;
  logFormat?: LogFormat;
  logArgs?: true;
  keepLog?: boolean;
}

/** `manyhands worker --tasks <module…>` */
export function workerCommand(): Command {
  const command = newCommand("worker", {
    summary: "start a worker host: it takes tasks of its modules from Redis and runs them in children",
    examples: [
      ["manyhands worker --tasks tasks.ts", "as many slots as processors"],
      ["manyhands worker --tasks mail.ts reports.ts --slots 8 --name web-1", "two modules, eight at once"],
      [
        "manyhands worker --tasks tasks.ts --pools mail --health-port 8080",
        "one pool, and /readyz for a load balancer",
      ],
      ["manyhands worker --config worker.json --env-file .env", "options in a file, secrets in another one"],
    ],
  });
  return command
    .optionsGroup("What it runs:")
    .option("--tasks <module...>", "modules that define tasks: .ts or .js files")
    .option("--schedules <file>", "set the schedules of a .ts or .js file, and remove those that it names no longer")
    .option(
      "--config <file>",
      "read options from a .json, .js or .ts file; the command line and the environment win over it",
    )
    .option("--env-file <file>", "add the NAME=value lines of a file to the environment, which wins over it")
    .option(
      "--import <module>",
      "load a module first, here and in each child, such as tsx; can be repeated",
      (module: string, before: string[] = []) => [...before, module],
    )
    .optionsGroup("How much, and where:")
    .option("--name <name>", "name of the host (default: name of the machine and pid)")
    .option(
      "--slots <n>",
      "tasks at once (default: number of processors)",
      wholeNumber("--slots", { from: 1, to: 10_000 }),
    )
    .option(
      "--processes <n>",
      "processes at once, in addition to the slots; 0 for none (default: 128)",
      wholeNumber("--processes", { from: 0, to: 10_000 }),
    )
    .option("--labels <a,b>", "labels that processes can name to run on this host", commaList)
    .addOption(renamedOption("--label <label>", "--labels <a,b>"))
    .addOption(
      new Option("--isolation <kind>", "where tasks run (default: process)").choices(["process", "thread", "inline"]),
    )
    .option("--max-heap <mb>", "heap limit of a child, megabytes", wholeNumber("--max-heap", { from: 8 }))
    .option("--pools <a,b>", "serve only these pools (default: all)", poolNames)
    .option(
      "--lock-nodes <url,url,url>",
      "3 or 5 independent Redis masters that vote on locks (default: MANYHANDS_LOCK_NODES, then none)",
      commaList,
    )
    .optionsGroup("Its children:")
    .option(
      "--min-children <n>",
      "children that stay loaded when nothing runs (default: the smaller of the slots and 2)",
      wholeNumber("--min-children", { from: 0, to: 10_000 }),
    )
    .option(
      "--max-children <n>",
      "most children at once, at least the slots (default: slots, spares and idle ones)",
      wholeNumber("--max-children", { from: 1, to: 100_000 }),
    )
    .option(
      "--max-child-idle <ms>",
      "end a child that was idle for so long (default: 60000)",
      wholeNumber("--max-child-idle", { from: 100, to: 86_400_000, unit: "milliseconds" }),
    )
    .option(
      "--max-child-age <ms>",
      "replace a child of this age after its task",
      wholeNumber("--max-child-age", { from: 1_000, unit: "milliseconds" }),
    )
    .option(
      "--max-child-memory <mb>",
      "replace a child process that uses more after its task, megabytes of resident memory; on Linux",
      wholeNumber("--max-child-memory", { from: 16 }),
    )
    .option(
      "--max-tasks-per-child <n>",
      "replace a child after so many tasks, unless its pool says another number",
      wholeNumber("--max-tasks-per-child", { from: 1 }),
    )
    .optionsGroup("How it starts and ends:")
    .option("--watch", "for development: load task modules and schedules again when their files change")
    .option(
      "--wait-for-redis <ms>",
      "how long to wait for a Redis that is not up yet; then the exit code is 3 (default: 0)",
      wholeNumber("--wait-for-redis", { from: 0, to: 86_400_000, unit: "milliseconds" }),
    )
    .option(
      "--grace <ms>",
      "how long running tasks may take after SIGTERM (default: 10000)",
      wholeNumber("--grace", { from: 0, unit: "milliseconds" }),
    )
    .optionsGroup("What it shows:")
    .option(
      "--health-port <port>",
      "serve /healthz, /readyz and /metrics; 0 takes a free port",
      wholeNumber("--health-port", { from: 0, to: 65_535 }),
    )
    .option("--health-address <address>", "address of the health server (default: 127.0.0.1)")
    .option("--echo", "print the stdout and stderr of tasks")
    .addOption(
      new Option("--log-level <level>", "lowest level of the log on stderr (default: info)").choices([
        "debug",
        "info",
        "warn",
        "error",
      ]),
    )
    .addOption(
      new Option("--log-format <format>", "format of the log (default: pretty on a terminal, else json)").choices([
        "pretty",
        "json",
      ]),
    )
    .option("--log-args", "show the arguments of tasks in the log: they may be secret")
    .option("--no-keep-log", "keep no lines of the log in Redis: manyhands host logs shows none")
    .addHelpText(
      "after",
      "\nSIGTERM or Ctrl-C: takes no new work, finishes running tasks within the grace time, exits with 0.\nA second signal: asks running tasks to stop now; they return to their queue. A third one: kills them. A fourth one: exits at once.\nChildren ignore these signals while their host lives.",
    )
    .hook("preAction", readFiles)
    .action(action<Options>(work));
}

/** Before the settings are looked up: an environment file is one of their places. */
async function readFiles(command: Command): Promise<void> {
  const options = command.opts() as Options;
  const file = options.config === undefined ? undefined : await readHostFile(options.config);
  const envFile = options.envFile ?? file?.envFile;
  if (envFile !== undefined) await loadEnvFile(envFile);
  if (file === undefined) return;
  await checkHostFile(file, options.tasks ?? []);
  command.setOptionValue("hostFile", file);
}

function poolNames(text: string): string[] {
  const names = commaList(text);
  for (const one of names) assertPoolName(one);
  if (names.length > 0) return names;
  throw new UsageError(`--pools must be names separated by commas, such as mail,reports; got "${text}"`);
}

async function work({ options, settings, printer }: Invocation<Options>): Promise<ExitCode> {
  // A host continues when the output of its tasks is not read.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error").on("error", () => {});
  const stopper = new Stopper();
  const given = mergeHostOptions({ line: optionsOfLine(options), file: options.hostFile, settings });
  const host = await start(given);
  stopper.attach(host);
  new IdleMemory({ host, logger: { warn: (message) => printer.words(message) } }).start();
  // Words, but on stdout: this is what a script waits for.
  if (printer.format === "table") printer.line(describeReady(host, given));
  else printer.json(readyFacts(host, given));
  await host.closed;
  return EXIT.done;
}

/** The options of the host itself that the command line has; the others say where it is and how it is configured. */
const OF_THE_HOST = [
  "tasks",
  "import",
  "watch",
  "schedules",
  "waitForRedis",
  "lockNodes",
  "slots",
  "processes",
  "labels",
  "isolation",
  "pools",
  "name",
  "grace",
  "maxHeap",
  "healthPort",
  "healthAddress",
  "minChildren",
  "maxChildren",
  "maxChildIdle",
  "maxChildAge",
  "maxChildMemory",
  "maxTasksPerChild",
  "echo",
  "logLevel",
  "logFormat",
  "logArgs",
] as const satisfies (keyof WorkerOptions & keyof Options)[];

/** What the command line says. */
function optionsOfLine(options: Options): Partial<WorkerOptions> {
  // What commander fills in where nothing was said is no wish of the line.
  const keepLog = options.keepLog === false ? { keepLog: false } : {};
  return { ...Object.fromEntries(OF_THE_HOST.map((name) => [name, options[name]])), ...keepLog };
}

async function start(given: WorkerOptions): Promise<WorkerHost> {
  // Loaded here: most commands need no worker, and start sooner without.
  const { startWorker } = await import("@manyhands/worker");
  try {
    return await startWorker(given);
  } catch (error) {
    // What is not Redis is the modules or the options: wrong input in both cases.
    if (exitCodeOf(error) !== EXIT.failed) throw error;
    const where = { portOption: "--health-port", freePort: "0 for a free one", addressOption: "--health-address" };
    const { healthPort, healthAddress: address = "127.0.0.1" } = given;
    const taken = healthPort === undefined ? null : addressError(error, { ...where, port: healthPort, address });
    if (taken) throw taken;
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split("\n"), { cause: error });
  }
}

/** Signals within this time count as one, ms: a service manager and a shell send theirs to npm as well, which passes it on. */
const ONE_SIGNAL = 100;

/** A host that was told to stop before it was up ends in order within this time, or at once after it, ms. */
const START_PATIENCE = 2_000;

/** First signal: drain. Each further one: the next step at once. Before the host is up: end. */
class Stopper {
  #host: WorkerHost | undefined;
  #signals = 0;
  /** Says what the first signal does, once another one counts as a second. */
  #announce: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastSignalAt = Number.NEGATIVE_INFINITY;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#receive(signal));
  }

  attach(host: WorkerHost): void {
    this.#host = host;
    // Started by another command: when that command is gone, nothing else ends this host.
    if (process.channel) process.on("disconnect", () => void host.stop({ grace: 0, reason: "its parent is gone" }));
    if (this.#signals > 0) void host.stop({ grace: 0 });
    // It is over before another signal could count as a second one: the host has said that it drains, and has stopped.
    void host.closed.then(() => this.#keepSilent());
  }

  #receive(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (now - this.#lastSignalAt < ONE_SIGNAL) return;
    this.#lastSignalAt = now;
    this.#stop(signal);
  }

  #stop(signal: NodeJS.Signals): void {
    this.#signals += 1;
    if (!this.#host) {
      if (this.#signals > 1) process.exit(EXIT.cancelled);
      // What the start waits for may never end, such as the top level of a task module.
      setTimeout(() => this.#host ?? process.exit(EXIT.cancelled), START_PATIENCE).unref();
      return;
    }
    // What is killed is gone within a moment; who cannot wait for that leaves the rest to the expiry of locks.
    if (this.#host.step === "kill" || this.#signals > 3) process.exit(EXIT.cancelled);
    const { running, processes: { running: processes } = { running: 0 } } = this.#host.record();
    const work =
      plural(running.length, "running task") +
      (processes > 0 ? ` and ${plural(processes, "process", "processes")}` : "");
    if (this.#signals === 1) {
      const words = `${signal}: finishing ${work}, taking no more`;
      if (running.length + processes === 0) this.#host.logger.info(words);
      else this.#announceSoon(`${words}; again to stop now`);
      void this.#host.stop({ reason: signal });
    } else {
      this.#announce?.();
      const isCold = this.#host.step === "cold";
      const words = isCold ? `killing ${work}` : `stopping now: ${work}`;
      this.#host.hurry();
      this.#host.logger.info(`${signal}: ${words}; tasks go back to their queue`);
    }
  }

  #announceSoon(words: string): void {
    this.#timer = setTimeout(() => this.#announce?.(), ONE_SIGNAL);
    this.#announce = () => {
      this.#keepSilent();
      this.#host?.logger.info(words);
    };
  }

  #keepSilent(): void {
    clearTimeout(this.#timer);
    this.#announce = undefined;
  }
}

function readyFacts(host: WorkerHost, options: WorkerOptions): Record<string, unknown> {
  return {
    ready: true,
    id: host.id,
    name: host.name,
    pid: process.pid,
    slots: host.slots,
    tasks: host.tasks.map((task) => task.name).sort(),
    pools: options.pools ?? null,
    healthPort: host.healthPort,
  };
}

function describeReady(host: WorkerHost, options: WorkerOptions): string {
  const tasks = host.tasks
    .map((task) => task.name)
    .sort()
    .join(", ");
  const health = host.healthPort === null ? "" : `, health on port ${host.healthPort}`;
  const pools = options.pools?.join(", ") ?? "all";
  return `host "${host.name}" is ready: ${plural(host.slots, "slot")}, tasks ${tasks || "none"}, pools ${pools}${health}`;
}
