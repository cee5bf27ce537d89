import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childPids, processIsAlive, temporaryFolder, until } from "@manyhands/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

const SCRIPTS = fileURLToPath(new URL("../../../../scripts", import.meta.url));

/** What the script needs of Docker: an engine with one container, which keeps its pid as the real one does. */
const DOCKERD = `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --pidfile) pidfile=$2 ;;
    --exec-root) exec_root=$2 ;;
  esac
  shift
done
container=$exec_root/containerd/daemon/io.containerd.runtime.v2.task/moby/one
mkdir -p "$container"
sleep 600 &
echo $! >"$container/init.pid"
"\${0%/*}/containerd-shim" -namespace moby -address "$exec_root/containerd/containerd.sock" &
echo $! >"$exec_root/shim.pid"
trap 'rm -f "$pidfile"; exit 0' TERM
echo $$ >"$pidfile"
while :; do sleep 0.1; done
`;
const SHIM = "#!/bin/sh\nwhile :; do sleep 0.1; done\n";
/** Reaches the engine at the script's own socket, and no other. */
const DOCKER = '#!/bin/sh\n[ "$1" != info ]\n';
const NOTHING = "#!/bin/sh\n";

describe("a container engine of a run", () => {
  const isPossible =
    process.getuid?.() === 0 && existsSync("/sys/fs/cgroup") && readdirSync("/sys/fs/cgroup").length > 0;
  beforeEach((context) => context.skip(!isPossible, "an engine is started as root, where control groups are mounted"));

  test("stops when the last run that uses it was killed", async () => {
    // given two runs that share an engine
    const engine = anEngine();
    const [first, second] = [aRun(), aRun()];
    engine.script("start", first.pid);
    const { dockerd, container, shim } = engine.pids();
    engine.script("start", second.pid);
    expect(engine.pids().dockerd).toBe(dockerd);

    // when one lets it go, then it stays
    engine.script("stop", first.pid);
    expect([dockerd, container, shim].filter(processIsAlive)).toEqual([dockerd, container, shim]);

    // when the other one is killed, then it stops
    second.kill("SIGKILL");
    await until(() => ![dockerd, container, shim].some(processIsAlive), { what: "the engine has stopped" });
    await until(() => !existsSync(engine.users), { what: "nothing is left of it" });
  });

  test("that was killed itself leaves no container behind", async () => {
    // given
    const engine = anEngine();
    engine.script("start", aRun().pid);
    const { dockerd, container, shim } = engine.pids();

    // when
    process.kill(dockerd, "SIGKILL");

    // then
    await until(() => ![container, shim].some(processIsAlive), { what: "its container has ended" });
  });
});

test("what ends with its parent ends when that is killed", async () => {
  // given
  const program = `import { endWithParent } from ${JSON.stringify(join(SCRIPTS, "end-with-parent.ts"))};
endWithParent();
console.log("ready");
setInterval(() => {}, 1_000);`;
  const node = `"$0" --input-type=module --eval "$1"; exit 0`;
  const parent = spawn("sh", ["-c", node, process.execPath, program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  await new Promise((resolve) => parent.stdout?.once("data", resolve));
  const [child = 0] = childPids(parent.pid as number);
  expect(processIsAlive(child)).toBe(true);

  // when
  parent.kill("SIGKILL");

  // then
  await until(() => !processIsAlive(child), { what: "the child has ended" });
});

/** A process that stands for a run. */
function aRun(): ChildProcess {
  const run = spawn("sleep", ["600"], { stdio: "ignore" });
  onTestFinished(() => void run.kill("SIGKILL"));
  return run;
}

function anEngine() {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries({
    ...{ dockerd: DOCKERD, docker: DOCKER },
    // The script removes the bridge of its engine, and another run may have one.
    ...{ "containerd-shim": SHIM, ip: NOTHING },
  })) {
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
  const environment = {
    PATH: `${folder}:${process.env["PATH"]}`,
    MANYHANDS_DOCKER_CACHE: join(folder, "cache"),
    MANYHANDS_DOCKER_RUN: join(folder, "run"),
  };
  const script = (verb: string, ...words: unknown[]): void => {
    const ended = spawnSync("sh", [join(SCRIPTS, "docker-engine.sh"), verb, ...words.map(String)], {
      ...{ env: environment, encoding: "utf8" },
    });
    if (ended.status !== 0) throw new Error(`docker-engine.sh ${verb}: ${ended.stderr}`);
  };
  const pidIn = (path: string): number => Number(readFileSync(join(folder, "run", path), "utf8"));
  let ends: number[] = [];
  onTestFinished(() => {
    script("stop");
    for (const pid of ends.filter(processIsAlive)) process.kill(pid, "SIGKILL");
  });
  return {
    script,
    users: join(folder, "run/users"),
    pids: () => {
      const pids = {
        dockerd: pidIn("dockerd.pid"),
        container: pidIn("exec/containerd/daemon/io.containerd.runtime.v2.task/moby/one/init.pid"),
        shim: pidIn("exec/shim.pid"),
      };
      ends = Object.values(pids);
      return pids;
    },
  };
}
