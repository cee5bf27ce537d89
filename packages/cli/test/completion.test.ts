import { execFileSync } from "node:child_process";
import { delimiter } from "node:path";
import { chain, connect, signature } from "@manyhands/core";
import { Keys, openRedis } from "@manyhands/core/internal";
import { temporaryFolder, useRedis } from "@manyhands/testing";
import type { Command } from "commander";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { complete } from "../src/commands/completion/complete.ts";
import { buildProgram } from "../src/program.ts";
import { contextsPath, type NamedPlace, writeContexts } from "../src/settings/contexts.ts";
import { run, start, TASKS } from "./command-line.ts";
import { look } from "./look.ts";
import { commandFolder, isInstalled, Terminal } from "./terminal.ts";

const redis = useRedis();
vi.stubEnv("MANYHANDS_COMPLETION_TIMEOUT", "20000");

/** What the last word could become. */
async function candidates(...words: string[]): Promise<string[]> {
  const [kind, ...lines] = (await complete(buildProgram(), words)).trimEnd().split("\n");
  return kind === "values" ? lines.map((line) => line.split("\t")[0] as string) : [String(kind)];
}

describe("what is defined", () => {
  test("every command and every option is offered, also one that was added a moment ago", async () => {
    const walk = async (command: Command, path: string[]): Promise<void> => {
      const help = command.createHelp();
      const names = help.visibleCommands(command).map((child) => child.name());
      if (names.length > 0) expect(await candidates(...path, "")).toEqual(names);
      const options = help.visibleOptions(command).flatMap(({ long }) => long ?? []);
      expect(await candidates(...path, "-")).toEqual(options);
      for (const child of help.visibleCommands(command)) {
        if (child.name() !== "help") await walk(child, [...path, child.name()]);
      }
    };
    await walk(buildProgram(), []);

    const program = buildProgram();
    program.command("fresh").option("--colour <colour>", "its colour").description("brand new");
    expect(await complete(program, ["fre"])).toBe("values\nfresh\tbrand new\n");
    expect(await complete(program, ["fresh", "--col"])).toBe("values\n--colour\tits colour\n");
  });

  test("contexts by their names, but not for a new one", async () => {
    const before = process.env["XDG_CONFIG_HOME"];
    vi.stubEnv("XDG_CONFIG_HOME", temporaryFolder());
    onTestFinished(() => void vi.stubEnv("XDG_CONFIG_HOME", before));
    const place: NamedPlace = { namespace: "shop" };
    writeContexts(contextsPath(), { current: "prod", contexts: { prod: place, staging: place } });
    expect(await complete(buildProgram(), ["--context", ""])).toBe("values\nprod\tcurrent\nstaging\t\n");
    expect(await candidates("config", "contexts", "rm", "st")).toEqual(["staging"]);
    expect(await candidates("config", "contexts", "add", "")).toEqual([]);
  });

  test.each<[words: string[], found: string[]]>([
    [["task", "ls", "--state", "comp"], ["completed"]],
    [["task", "ls", "--state=comp"], ["--state=completed"]],
    [["task", "ls", "--state", "failed,can"], ["failed,cancelled"]],
    [["task", "ls", "--st"], ["--state"]],
    [["task", "ls", "--state", "failed", "--st"], []],
    [["-o", "js"], ["json"]],
    [["--output=nd"], ["--output=ndjson"]],
    [["object", "ls", "--kind", "sem"], ["semaphore"]],
    [
      ["pool", "limit", "mail", "--kind", ""],
      ["window", "bucket"],
    ],
    [["worker", "--isolation", "t"], ["thread"]],
    [["worker", "--tasks", "src/"], ["files"]],
    [["worker", "--tasks", "a.ts", "b"], ["files"]],
    [["worker", "--slots", ""], []],
    [["submit", "square", "7", ""], []],
    [["map", "square", ""], ["files"]],
    [["run", "main.ts", "--"], ["files"]],
    [["help", "task", "sh"], ["show"]],
    [["pool", "create", ""], []],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["nonsense", "x", ""], []],
  ])("%j", async (words, found) => {
    const offered = await candidates(...words);
    // What follows the script of `run` belongs to the script.
    expect(offered).toEqual(words[0] === "run" ? [] : found);
  });
});

describe("what Redis holds", () => {
  const namespace = redis.namespace();
  const here = () => ["--redis", redis.url, "--namespace", namespace];
  const inRedis = (...words: string[]) => candidates(...here(), ...words);

  test("pools, task names, hosts, ids of tasks in a state that suits, objects; with a few words each", async () => {
    const place = { redis: redis.url, namespace };
    const host = start(["worker", "--tasks", TASKS, "--name", "web-1", "--pools", "other"], place);
    const inspector = look(place);
    await inspector.pools.create({ name: "mail", size: 2 });
    await inspector.pools.create({ name: "news", size: 2 });
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    await mp.submit("square", [7], { pool: "mail", jobId: "plain-1" });
    await mp.submit("square", [7], { pool: "news", jobId: "late-1", delay: 1_000_000, tags: ["nightly"] });
    await mp.lock("stock").acquire();
    await mp.semaphore(2, { name: "stock" }).acquire();
    await mp.event('a b;$(touch "x")').set();
    // Other programs may write what no object of ours could be called.
    await redis.client().zadd(new Keys(namespace).objects, 1, "event/line\nbreak");
    await host.shows(/is ready/);

    expect(await inRedis("pool", "pause", "")).toEqual(["default", "mail", "news"]);
    expect(await inRedis("pool", "rm", "mail", "")).toEqual(["news"]);
    expect(await inRedis("submit", "--pool", "n")).toEqual(["news"]);
    expect(await inRedis("worker", "--pools", "mail,")).toEqual(["mail,default", "mail,news"]);
    expect(await inRedis("submit", "squ")).toEqual(["square"]);
    expect(await inRedis("host", "drain", "")).toEqual(["web-1"]);
    expect(await inRedis("task", "show", "")).toEqual(expect.arrayContaining(["plain-1", "late-1"]));
    expect(await inRedis("task", "promote", "")).toEqual(["late-1"]);
    expect(await inRedis("task", "cancel", "--pool", "mail", "")).toEqual(["plain-1"]);
    expect(await inRedis("task", "cancel", "plain-1", "")).toEqual(["late-1"]);
    expect(await inRedis("task", "retry", "")).toEqual([]);
    expect(await inRedis("dead", "show", "")).toEqual([]);
    expect(await inRedis("task", "ls", "--tag", "")).toEqual(["nightly"]);
    expect(await inRedis("object", "show", "")).toEqual(['a b;$(touch "x")', "lock/stock", "semaphore/stock"]);
    expect(await complete(buildProgram(), [...here(), "pool", "show", "mai"])).toBe(
      "values\nmail\t1 waiting, 0 active\n",
    );
  });

  test("workflows in a state that suits", async () => {
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    // No host serves this pool.
    for (const jobId of ["flow-1", "flow-2"]) {
      await mp.submit(chain(signature("square", [7])), { jobId, pool: "idle" });
    }
    await mp.workflows.cancel("flow-2");

    expect((await inRedis("workflow", "show", "")).sort()).toEqual(["flow-1", "flow-2"]);
    expect(await inRedis("workflow", "cancel", "")).toEqual(["flow-1"]);
    expect(await inRedis("workflow", "retry", "")).toEqual(["flow-2"]);
    expect((await inRedis("task", "cancel", "--workflow", "")).sort()).toEqual(["flow-1", "flow-2"]);
  });

  test("nothing is said, and the shell does not wait for long, where Redis is away or takes no command", async () => {
    const silent = openRedis(redis.url, { name: "pauses" });
    onTestFinished(() => silent.disconnect());
    const began = performance.now();
    for (const url of ["redis://127.0.0.1:1", "nonsense://x"]) {
      expect(
        await run(["__complete", "--", "--redis", url, "pool", "show", ""], {
          env: { MANYHANDS_COMPLETION_TIMEOUT: "" },
        }),
      ).toEqual({
        code: 0,
        stdout: url.startsWith("redis") ? "values\n" : "",
        stderr: "",
      });
    }
    expect(performance.now() - began).toBeLessThan(20_000);
    // Not a list of hosts: as if Redis held what no version writes.
    await silent.set(new Keys(`${namespace}-broken`).pools, "text");
    expect(
      await candidates(...["--redis", redis.url, "--namespace", `${namespace}-broken`], "pool", "show", ""),
    ).toEqual([]);
  });
});

describe("in the shells", () => {
  let place: { redis: string; namespace: string };
  const scriptOf = (shell: string) => `source <(manyhands completion ${shell})`;
  const environment = () => ({
    MANYHANDS_REDIS_URL: place.redis,
    MANYHANDS_NAMESPACE: place.namespace,
    MANYHANDS_COMPLETION_TIMEOUT: "20000",
  });

  beforeAll(async () => {
    place = { redis: redis.url, namespace: redis.namespace() };
    const mp = await connect(place);
    await mp.submit("square", [7], { pool: "mail", jobId: "plain-1" });
    await mp.event('a b;$(touch "x")').set();
    await mp.close();
  });

  test.skipIf(!isInstalled("tmux", "bash"))(
    "bash, at a terminal: commands, options, names, words with signs",
    async () => {
      const terminal = new Terminal({ command: ["bash", "--norc", "--noprofile", "-i"], env: environment() });
      terminal.type(`PS1='> '; bind 'set bell-style none'; ${scriptOf("bash")}; clear; echo re""ady`);
      terminal.press("Enter");
      await terminal.shows(/^ready/m);
      terminal.type("manyhands poo\tpau\tma\t");
      await terminal.shows(/^> manyhands pool pause mail/m);
      terminal.press("C-u");
      terminal.type("manyhands --output=nd\ttask --namespace=x ca\t");
      await terminal.shows(/^> manyhands --output=ndjson task --namespace=x cancel/m);
      terminal.press("C-u");
      // A name that would be another command: it is quoted.
      terminal.type("manyhands object show a\t");
      await terminal.shows(/^> manyhands object show a\\ b\\;\\\$\\\(touch\\ \\"x\\"\\\)/m);
    },
  );

  test.skipIf(!isInstalled("tmux", "zsh"))("zsh, at a terminal", async () => {
    const terminal = new Terminal({ command: ["zsh", "-f", "-i"], env: environment() });
    terminal.type(`PS1='> '; unsetopt beep; ${scriptOf("zsh")}; clear; echo re""ady`);
    terminal.press("Enter");
    await terminal.shows(/^ready/m);
    terminal.type("manyhands poo\tpau\tma\t");
    await terminal.shows(/^> manyhands pool pause mail/m);
    terminal.press("C-u");
    terminal.type("manyhands object show a\t");
    await terminal.shows(/^> manyhands object show a\\ b\\;\\\$\\\(touch\\ \\"x\\"\\\)/m);
  });

  test.skipIf(!isInstalled("fish"))("fish, by its own function", async () => {
    const path = `${commandFolder()}${delimiter}${process.env["PATH"]}`;
    const lines = ["manyhands pool pau", "manyhands task cancel p", "manyhands --output=nd", "manyhands object show a"];
    const script = lines.map((line) => `complete -C ${JSON.stringify(line)}`).join("; echo; ");
    const answer = execFileSync("fish", ["-N", "-c", `manyhands completion fish | source; ${script}`], {
      env: { ...process.env, ...environment(), PATH: path, HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [command = "", id = "", value = "", object = ""] = answer.split("\n\n");
    expect(command).toMatch(/^pause\tstart no more tasks/);
    expect(id).toMatch(/^plain-1\tsquare, blocked/);
    expect(value).toMatch(/^--output=ndjson\s*$/);
    expect(object).toContain("a b;$(touch");
  });
});
