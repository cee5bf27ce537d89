import type { Snapshot, View } from "../snapshot/snapshot.ts";
import { hostList } from "./host-list.ts";
import { html, type Markup } from "./markup.ts";
import { poolTable } from "./pool-table.ts";
import { count, plural } from "./wording.ts";

/** The part of the overview that changes: sent with the page and again with every event. */
export function overview({ snapshot, problem }: View): Markup {
  return html`<h1 class="hidden">Overview</h1>
    ${problem ? problemNotice(problem, snapshot) : ""}
    ${snapshot ? state(snapshot) : ""}`;
}

function state(snapshot: Snapshot): Markup {
  return html`${figures(snapshot)}
    <section aria-labelledby="pools-title">
      <h2 id="pools-title">Pools</h2>
      ${poolTable(snapshot.pools)}
    </section>
    <section aria-labelledby="hosts-title">
      <h2 id="hosts-title">Hosts</h2>
      ${hostList(snapshot)}
    </section>`;
}

function problemNotice(problem: NonNullable<View["problem"]>, snapshot: Snapshot | null): Markup {
  const age = snapshot ? " What you see below is the state before that." : "";
  return html`<div class="notice" role="alert" data-problem>
    <strong>Redis does not answer since ${clock(problem.since.getTime())}.</strong>
    <span>${problem.message}.${age}</span>
  </div>`;
}

function figures({ pools, hosts }: Snapshot): Markup {
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const slots = sum(hosts.map((host) => host.slots));
  const busy = sum(hosts.map((host) => host.running.length));
  const waiting = sum(pools.map((pool) => pool.jobs.waiting + pool.jobs.prioritized));
  const completed = sum(pools.map((pool) => pool.jobs.completed));
  const failed = sum(pools.map((pool) => pool.jobs.failed));
  return html`<dl class="figures">
    ${figure("Hosts", count(hosts.length), `${plural(slots, "slot")} together`)}
    ${figure("Running", count(busy), slots === 0 ? "no slots" : `of ${plural(slots, "slot")}`)}
    ${figure("Waiting", count(waiting), waiting > 0 && hosts.length === 0 ? "and no host runs" : `in ${plural(pools.length, "pool")}`)}
    ${figure("Delayed", count(sum(pools.map((pool) => pool.jobs.delayed))), "for later or a retry")}
    ${figure("Completed", count(completed), kept(completed))}
    ${figure("Failed", count(failed), kept(failed), failed > 0 ? "bad" : "")}
  </dl>`;
}

/** Redis keeps finished jobs for a while: each figure counts those, as the table of the pools does. */
function kept(jobs: number): string {
  return jobs === 0 ? "none kept" : "kept in Redis";
}

function figure(...[name, value, note, tone = ""]: [name: string, value: string, note: string, tone?: string]): Markup {
  return html`<div class="figure ${tone}">
    <dt>${name}</dt>
    <dd><b>${value}</b> <small>${note}</small></dd>
  </div>`;
}

/** Server's local time; the page is for people near their machines. */
function clock(time: number): string {
  return new Date(time).toLocaleTimeString("en-GB");
}
