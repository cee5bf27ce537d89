import type { Command } from "commander";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { interruption } from "../../interruption.ts";
import { action, type Invocation, newCommand } from "../../invocation.ts";
import { colors } from "../../output/colors.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { type OwnServer, obtainServer, privateServer } from "../run/obtain-server.ts";
import { type BusyFleet, readFleet, startBusyProgram } from "./busy-fleet.ts";
import { chooseDemos, type Demo, type Examples, findExamples } from "./examples.ts";
import { type DemoHost, type HostGroup, hostsOfDemos, startHosts } from "./host-group.ts";
import { runDemo } from "./run-demo.ts";

interface Options {
  list?: true;
  hosts: number;
  slots: number;
  keep?: true;
  busy?: true;
  port: number;
}

/** `manyhands demo [name] [options…]` */
export function demoCommand(): Command {
  const command = newCommand("demo", {
    summary: "run the examples on several local hosts; each verifies its own outcome",
    examples: [
      ["manyhands demo", "run all of them, then stop everything"],
      ["manyhands demo pool-map --hosts 5", "run one of them, on five hosts"],
      ["manyhands demo ticket-grab --no-lock", "with an option of this demo; --list shows them"],
      ["manyhands demo --keep", "keep Redis, hosts and dashboard running until Ctrl-C"],
      ["manyhands demo --busy", "no demos: a busy fleet in which much goes wrong, until Ctrl-C"],
      ["manyhands demo --hosts 0 --redis redis://…", "on running hosts that have loaded examples/tasks.ts"],
    ],
  });
  return command
    .allowUnknownOption()
    .argument("[name]", "one demo (default: all)")
    .argument("[words...]", "options of that demo")
    .option("--list", "list the demos")
    .option("--hosts <n>", "local hosts to start; 0 uses running hosts", wholeNumber("--hosts", { from: 0, to: 50 }), 3)
    .option("--slots <n>", "tasks at once per host", wholeNumber("--slots", { from: 1, to: 100 }), 2)
    .option("--keep", "keep everything running until Ctrl-C")
    .option("--busy", "run no demos, but a busy fleet in which much goes wrong, until Ctrl-C")
    .option("--port <port>", "of the dashboard; 0 takes a free one", wholeNumber("--port", { from: 0, to: 65_535 }), 0)
    .action(action<Options>(demo));
}

async function demo(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, options, printer } = invocation;
  const examples = await findExamples();
  if (options.list) {
    printer.list(
      examples.demos,
      [
        { heading: "DEMO", cell: (one) => one.name },
        { heading: "SHOWS", cell: (one) => one.title, min: 24, wraps: true },
        { heading: "OPTIONS", cell: (one) => one.options?.join(" ") ?? "" },
      ],
      "no demos",
    );
    return EXIT.done;
  }
  const words = (args[1] ?? []) as string[];
  const demos = chooseDemos(examples, args[0] as string | undefined, words);
  using stop = interruption();
  const { busy, hosts: count, slots } = options;
  const fleet = busy ? await readFleet(examples.folder) : null;
  if (fleet && count === 0) throw new UsageError("--busy starts hosts of its own; leave --hosts out");
  const hosts = fleet?.hosts ?? hostsOfDemos(count, { folder: examples.folder, slots });
  await using stage = await Stage.open(invocation, { examples, hosts, stop: stop.signal }).catch((error: unknown) => {
    if (stop.signal.aborted) return null;
    throw error;
  });
  if (!stage) return EXIT.cancelled;
  if (fleet) return await keepBusy(stage, fleet, stop.signal);
  const failed = await play(demos, { stage, words, stop: stop.signal });
  if (stop.signal.aborted) return EXIT.cancelled;
  printer.words(summary(demos, failed), {
    paint: (text) => `\n${failed.length === 0 ? colors.green(text) : colors.red(text)}`,
  });
  if (options.keep) await stage.keep(stop.signal);
  return failed.length > 0 ? EXIT.failed : EXIT.done;
}

/** Runs the program of the busy fleet until Ctrl-C. */
async function keepBusy(stage: Stage, { program }: BusyFleet, stop: AbortSignal): Promise<ExitCode> {
  await using running = await startBusyProgram(program, { ...stage.place, stop });
  if (running.isBusy) await stage.keep(running.ended);
  return stop.aborted ? EXIT.cancelled : EXIT.failed;
}

async function play(
  demos: readonly Demo[],
  { stage, words, stop }: { stage: Stage; words: readonly string[]; stop: AbortSignal },
): Promise<Demo[]> {
  const failed: Demo[] = [];
  for (const one of demos) {
    if (stop.aborted) break;
    stage.say(`=== ${[one.name, ...words].join(" ")}: ${one.title}`, (text) => `\n${colors.bold(text)}`);
    const code = await runDemo(one, { ...stage.place, words, stop });
    if (code !== 0) failed.push(one);
    if (code !== 0 && !stop.aborted) stage.say(`=== ${one.name} ended with exit code ${code}`, colors.red);
  }
  return failed;
}

function summary(demos: readonly Demo[], failed: readonly Demo[]): string {
  if (failed.length === 0) return `${demos.length} of ${demos.length} demos did what they promise`;
  return `${failed.length} of ${demos.length} demos failed: ${failed.map((one) => one.name).join(", ")}`;
}

/** What the demos run on: a Redis, hosts and a dashboard, all of which end together. */
class Stage implements AsyncDisposable {
  readonly place: { redis: string; namespace: string; folder: string };
  readonly #invocation: Invocation<Options>;
  readonly #server: OwnServer;
  readonly #hosts: HostGroup;
  readonly #dashboard: { url: string; stop(): Promise<void> } | null;

  static async open(
    invocation: Invocation<Options>,
    { examples, hosts: wanted, stop }: { examples: Examples; hosts: readonly DemoHost[]; stop: AbortSignal },
  ): Promise<Stage> {
    const { options, settings, printer } = invocation;
    const given = settings.redis.source !== "default" || options.hosts === 0;
    const server = given ? await obtainServer(settings, printer) : await privateServer(printer);
    const place = { redis: server.url, namespace: settings.namespace.value, folder: examples.folder };
    // Hosts that run already on a shared Redis do not know the demos' tasks: ours get a namespace of their own.
    if (given && options.hosts > 0 && settings.namespace.source === "default") place.namespace = `demo-${process.pid}`;
    let hosts: HostGroup | undefined;
    try {
      hosts = await startHosts(wanted, { ...place, printer, stop, warnings: !options.busy });
      const dashboard = await openDashboard(place, options.port).catch((error: Error) => {
        printer.warn(`no dashboard: ${error.message}`);
        return null;
      });
      if (dashboard) printer.words(`dashboard: ${dashboard.url}`);
      return new Stage(invocation, { place, server, hosts, dashboard });
    } catch (error) {
      await hosts?.stop();
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    invocation: Invocation<Options>,
    parts: {
      place: Stage["place"];
      server: OwnServer;
      hosts: HostGroup;
      dashboard: { url: string; stop(): Promise<void> } | null;
    },
  ) {
    this.#invocation = invocation;
    this.place = parts.place;
    this.#server = parts.server;
    this.#hosts = parts.hosts;
    this.#dashboard = parts.dashboard;
  }

  say(text: string, paint: (text: string) => string): void {
    this.#invocation.printer.line(text, { paint });
  }

  /** Says where everything is and waits for Ctrl-C. */
  async keep(stop: AbortSignal): Promise<void> {
    const { printer } = this.#invocation;
    printer.line(`dashboard: ${this.#dashboard?.url ?? "none"}`);
    printer.line(`export MANYHANDS_REDIS_URL=${this.place.redis} MANYHANDS_NAMESPACE=${this.place.namespace}`);
    printer.words("everything is left up; Ctrl-C stops it");
    if (stop.aborted) return;
    await new Promise((resolve) => stop.addEventListener("abort", resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hosts.stop();
    await this.#dashboard?.stop();
    await this.#server[Symbol.asyncDispose]();
    this.#invocation.printer.words("hosts, dashboard and what was started for them are stopped");
  }
}

async function openDashboard(place: Stage["place"], port: number): Promise<{ url: string; stop(): Promise<void> }> {
  const { startDashboard } = await import("@manyhands/dashboard");
  return startDashboard({ redis: place.redis, namespace: place.namespace, port });
}
