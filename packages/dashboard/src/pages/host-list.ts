import type { HostRecord, RunningAnnouncement } from "@manyhands/core/internal";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { html, type Markup } from "./markup.ts";
import { bytes, count, duration, plural } from "./wording.ts";

/** More slots than this are shown as a number only. */
const MOST_DOTS = 64;
const MOST_TASKS = 6;

/** Living hosts with their slots and what runs in them. */
export function hostList({ hosts, pools }: Snapshot): Markup {
  if (hosts.length === 0) {
    const waiting = pools.some((pool) => pool.jobs.waiting + pool.jobs.prioritized > 0);
    return html`<p class="empty ${waiting ? "urgent" : ""}">
      ${waiting ? "Tasks wait and no host runs." : "No host runs."} Start one: <code>manyhands worker --tasks ./tasks.ts</code>
    </p>`;
  }
  return html`<ul class="hosts">
    ${hosts.map(card)}
  </ul>`;
}

function card(host: HostRecord): Markup {
  return html`<li class="host" data-key="host ${host.id}">
    <h3>
      <span class="name">${host.name}</span>
      <span class="badge ${tone(host.state)}">${host.state}</span>
    </h3>
    <p class="slots">
      ${dots(host)}
      <span><b>${count(host.running.length)}</b> of ${plural(host.slots, "slot")} busy${processes(host)}</span>
    </p>
    ${troubles(host)} ${tasks(host)}
    <p class="facts">
      <span>pid ${host.pid} on ${host.hostname}</span>
      <span>up ${duration(host.beatAt - host.startedAt)}</span>
      <span>${bytes(host.memory)}</span>
      ${children(host)}
      <span>${count(host.completed)} completed</span>
      ${host.failed > 0 ? html`<span class="bad">${count(host.failed)} failed</span>` : ""}
      ${host.pools === null ? "" : html`<span>serves ${host.pools.join(", ")}</span>`}
    </p>
  </li>`;
}

/** What its children use together, as far as it is known. */
function children({ children }: HostRecord): Markup | string {
  const known = children.filter(({ memory }) => typeof memory === "number");
  if (known.length === 0) return "";
  const memory = known.reduce((sum, child) => sum + (child.memory ?? 0), 0);
  const cpu = known.reduce((sum, child) => sum + (child.cpu ?? 0), 0);
  const number = known.length === 1 ? "1 child" : `${count(known.length)} children`;
  const words = `${number}: ${bytes(memory)}, ${Math.round(100 * cpu)} % CPU`;
  return html`<span>${words}</span>`;
}

/** Processes run beside the slots. */
function processes({ processes }: HostRecord): string {
  const running = processes?.running ?? 0;
  return running === 0 ? "" : `, ${count(running)} ${running === 1 ? "process runs" : "processes run"}`;
}

/** Why it takes no work, or not of a pool. */
function troubles({ troubles = [] }: HostRecord): Markup | string {
  if (troubles.length === 0) return "";
  return html`<ul class="tasks">
    ${troubles.map(({ pool, reason }) => html`<li class="bad">${pool === null ? "" : `pool ${pool}: `}${reason}</li>`)}
  </ul>`;
}

function dots(host: HostRecord): Markup | string {
  if (host.slots > MOST_DOTS) return "";
  const slots = Array.from({ length: host.slots }, (_, index) => index < host.running.length);
  return html`<span class="dots" aria-hidden="true">${slots.map((busy) => html`<i class="${busy ? "busy" : ""}"></i>`)}</span>`;
}

function tasks(host: HostRecord): Markup | string {
  if (host.running.length === 0) return "";
  const longest = [...host.running].sort((left, right) => left.since - right.since);
  const more = longest.length - MOST_TASKS;
  return html`<ul class="tasks" aria-label="Running on ${host.name}">
    ${longest.slice(0, MOST_TASKS).map((running) => taskLine(running, host.beatAt))}
    ${more > 0 ? html`<li class="more">and ${count(more)} more</li>` : ""}
  </ul>`;
}

function taskLine(running: RunningAnnouncement, now: number): Markup {
  const address = `/bull-board/queue/${encodeURIComponent(running.pool)}/${encodeURIComponent(running.jobId)}`;
  return html`<li data-key="job ${running.pool} ${running.jobId}">
    <a href="${address}">${running.task}</a>
    <small>in ${running.pool}, pid ${running.pid}</small>
    <span class="since">${duration(now - running.since)}</span>
  </li>`;
}

function tone(state: HostRecord["state"]): string {
  if (state === "running") return "good";
  return state === "deaf" || state === "unready" ? "bad" : "warn";
}
