import type { Context } from "@manyhands/core";
import { post } from "./tasks/billing.ts";
import { makeThumbnail } from "./tasks/images.ts";
import { sendInvoice } from "./tasks/mail.ts";
import { fetchPage } from "./tasks/pages.ts";
import { partition, render } from "./tasks/reports.ts";
import { reserve } from "./tasks/stock.ts";

/** Milliseconds between two rounds. */
const ROUND = 1_000;
/** Rounds after which the lines are looked at. */
const LOOK = 10;
/** A pool with more waiting tasks than this gets no more: somebody has paused it, or its hosts are gone. */
const LONGEST_LINE = 800;

/** What the shop submits day and night, in waves of a few minutes. */
export class Traffic {
  readonly #mp: Context;
  readonly #timer: NodeJS.Timeout;
  readonly #backlog: number;
  #round = 0;
  #isBusy = false;
  #lines = new Map<string, number>();

  /** @param options.backlog - Images that are to wait, at least. */
  constructor(mp: Context, { backlog }: { backlog: number }) {
    this.#mp = mp;
    this.#backlog = backlog;
    this.#timer = setInterval(() => void this.#next(), ROUND);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #next(): Promise<void> {
    // Redis may be away, or slow.
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      if (this.#round % LOOK === 0) await this.#look();
      await this.#submit(this.#round);
      this.#round += 1;
    } catch {
      // The next round tries again.
    } finally {
      this.#isBusy = false;
    }
  }

  async #look(): Promise<void> {
    const pools = await this.#mp.pools.list();
    this.#lines = new Map(pools.map((pool) => [pool.name, pool.waiting + pool.prioritized + pool.delayed]));
    const missing = this.#backlog - (this.#lines.get("images") ?? 0);
    for (let index = 0; index < missing; index += 1) {
      const path = `harbor/a-${Date.now() % 1_000_000}-${index}.jpg`;
      await this.#mp.submit(makeThumbnail, [path, 640], { pool: "images", tags: ["backfill"] });
    }
  }

  async #submit(round: number): Promise<void> {
    const mp = this.#mp;
    const day = new Date();
    const every = (rounds: number, offset = 0): boolean => round % rounds === offset;
    const isOpen = (pool: string): boolean => (this.#lines.get(pool) ?? 0) < LONGEST_LINE;
    // A wave of two minutes: there is more to do, and less.
    const crest = Math.sin((2 * Math.PI * round) / 120);
    if (isOpen("images")) {
      for (let index = 0; index < Math.round(1 + crest); index += 1) {
        await mp.submit(makeThumbnail, [`meadow/${round}-${index}.jpg`, 320], { pool: "images", tags: ["upload"] });
      }
    }
    if (isOpen("mail") && every(2)) {
      const relay = round % 10 === 0 ? "mail-1" : "mail-2";
      const letter = { invoice: 90_500 + round, relay, to: "ada@example.org", password: "hunter2" };
      await mp.submit(sendInvoice, [letter], { pool: "mail", tags: ["hourly"] });
    }
    if (isOpen("pages") && (every(2) || crest > 0.5)) {
      await mp.submit(fetchPage, [round], { pool: "pages", priority: 1 + (round % 10) });
    }
    if (isOpen("reports") && every(15)) {
      const warehouse = ["berlin", "lyon", "porto"][(round / 15) % 3] as string;
      await mp.submit(partition, [day, warehouse, { part: round }], { pool: "reports", tags: ["nightly"] });
    }
    if (isOpen("reports") && every(120, 60)) {
      await mp.submit(partition, [day, "nantes", { part: round }], { pool: "reports", attempts: 1 });
      await mp.submit(render, [day.toISOString(), "pdf"], { pool: "reports" });
    }
    if (isOpen("default") && every(20, 5)) await mp.submit(reserve, ["lamp", "lyon"]);
    if (isOpen("default") && every(60, 30)) await mp.submit(post, [4711, BigInt(round)]);
  }
}
