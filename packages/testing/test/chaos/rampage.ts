import { setTimeout as delay } from "node:timers/promises";
import { processIsAlive, until } from "@manyhands/testing";
import { ChaosHost } from "./chaos-host.ts";

export interface RampageOptions {
  url: string;
  namespace: string;
  random: () => number;
  hosts: number;
  slots: number;
  /** Mean milliseconds between two kills of a child. */
  childKillEvery: number;
  /** Mean milliseconds between two kills of a host. */
  hostKillEvery: number;
  lockDuration?: number;
  stalledInterval?: number;
  /** Something else to happen now and then, such as a restart of Redis. */
  also?: { every: number; run: () => Promise<void> };
}

/** Hosts of which children and whole hosts are killed at random, and replaced, until it is told to stop. */
export class Rampage {
  /** Pids of the children that were killed by themselves, not with their host. */
  readonly killedChildren = new Set<number>();
  hostKills = 0;
  alsoRuns = 0;
  readonly #options: RampageOptions;
  readonly #hosts: ChaosHost[] = [];
  readonly #seen = new Set<number>();
  #started = 0;
  #stopped = false;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: RampageOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.hosts }, () => this.#startHost()));
  }

  /** Kills until {@link calm}. */
  begin(): void {
    const { childKillEvery, hostKillEvery, also } = this.#options;
    this.#loops = Promise.all([
      this.#every(childKillEvery, async () => this.#killChild()),
      this.#every(hostKillEvery, () => this.#killHost()),
      also &&
        this.#every(also.every, async () => {
          await also.run();
          this.alsoRuns += 1;
        }),
    ]);
  }

  async calm(): Promise<void> {
    this.#stopped = true;
    await this.#loops;
  }

  /** Ends the hosts in order. @returns pids of their children that are alive after it */
  async end(): Promise<number[]> {
    this.#look();
    await Promise.all(this.#hosts.map((host) => host.stop()));
    // The kernel's signal to a child of a host that is gone takes its time on a busy machine.
    const alive = (): number[] => [...this.#seen].filter(processIsAlive);
    await until(() => alive().length === 0, { timeout: 5_000 }).catch(() => undefined);
    return alive();
  }

  async #every(mean: number, act: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await delay(mean * (0.5 + this.#options.random()));
      if (!this.#stopped) await act();
    }
  }

  async #startHost(): Promise<void> {
    const { url, namespace, slots, lockDuration, stalledInterval } = this.#options;
    this.#started += 1;
    const host = await ChaosHost.start({
      name: `host-${this.#started}`,
      redis: url,
      namespace,
      slots,
      ...(lockDuration === undefined ? {} : { lockDuration }),
      ...(stalledInterval === undefined ? {} : { stalledInterval }),
    });
    this.#hosts.push(host);
  }

  async #killHost(): Promise<void> {
    const [victim] = this.#hosts.splice(Math.floor(this.#options.random() * this.#hosts.length), 1);
    this.#look();
    await victim?.kill();
    this.hostKills += 1;
    await this.#startHost();
  }

  #killChild(): void {
    const children = this.#look();
    const victim = children[Math.floor(this.#options.random() * children.length)];
    if (victim === undefined) return;
    this.killedChildren.add(victim);
    try {
      process.kill(victim, "SIGKILL");
    } catch {
      // It was gone already.
    }
  }

  #look(): number[] {
    const children = this.#hosts.flatMap((host) => host.children());
    for (const pid of children) this.#seen.add(pid);
    return children;
  }
}
