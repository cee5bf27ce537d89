import type { PoolSnapshot } from "../snapshot/snapshot.ts";
import { html, type Markup } from "./markup.ts";
import { count, duration } from "./wording.ts";

/** Pools with their counts; on a narrow screen each row becomes a block. */
export function poolTable(pools: PoolSnapshot[]): Markup {
  if (pools.length === 0) {
    return html`<p class="empty">No pool yet. The first program that submits a task makes one.</p>`;
  }
  return html`<table class="pools">
    <thead>
      <tr>
        <th scope="col">Pool</th>
        <th scope="col">Running</th>
        <th scope="col" class="number">Waiting</th>
        <th scope="col" class="number">Oldest waits</th>
        <th scope="col" class="number">Delayed</th>
        <th scope="col" class="number" title="Kept in Redis">Completed</th>
        <th scope="col" class="number" title="Kept in Redis">Failed</th>
        <th scope="col" class="number" title="Kept in Redis">Cancelled</th>
      </tr>
    </thead>
    <tbody>
      ${pools.map(row)}
    </tbody>
  </table>`;
}

function row(pool: PoolSnapshot): Markup {
  const { jobs } = pool;
  return html`<tr data-key="pool ${pool.name}">
    <th scope="row">
      <a href="/bull-board/queue/${encodeURIComponent(pool.name)}">${pool.name}</a>
      ${badges(pool)}
      ${pool.state === "failed" ? failure(pool) : ""}
      ${pool.unserved === null ? "" : html`<p class="advice">${sentence(pool.unserved)}</p>`}
    </th>
    <td data-label="Running">${usage(jobs.active, pool.size)}</td>
    ${number("Waiting", jobs.waiting + jobs.prioritized)}
    <td class="number ${pool.oldestWaiting === null ? "zero" : ""}" data-label="Oldest waits">
      ${pool.oldestWaiting === null ? "–" : duration(pool.oldestWaiting)}
    </td>
    ${number("Delayed", jobs.delayed + jobs.waitingChildren)}
    ${number("Completed", jobs.completed)}
    ${number("Failed", jobs.failed, jobs.failed > 0 ? "bad" : "")}
    ${number("Cancelled", jobs.cancelled)}
  </tr>`;
}

function badges(pool: PoolSnapshot): Markup {
  return html`${pool.state === "running" ? "" : html`<span class="badge bad">${pool.state}</span>`}
    ${pool.paused ? html`<span class="badge warn">paused</span>` : ""}
    ${pool.unnamed ? html`<span class="badge" title="Ends with the program that made it">unnamed</span>` : ""}`;
}

/** The words of `manyhands doctor`. */
function failure({ name, failure: reason }: PoolSnapshot): Markup {
  return html`<p class="advice bad">It failed${reason === null ? "" : `: ${reason}`}. Fix its initializer, then run: <code>manyhands pool reset ${name}</code></p>`;
}

function usage(active: number, size: number | null): Markup {
  if (size === null) return html`<span class="usage"><b>${count(active)}</b> <small>no limit</small></span>`;
  const share = size === 0 ? 0 : Math.min(100, (active / size) * 100);
  return html`<span class="usage"><b>${count(active)}</b> <small>of ${count(size)}</small>${bar(share)}</span>`;
}

/** @param share - From 0 to 100. Drawn with attributes: the page allows no inline styles. */
function bar(share: number): Markup {
  return html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4" rx="2"></rect><rect class="level" width="${share.toFixed(1)}" height="4" rx="2"></rect></svg>`;
}

function number(label: string, value: number, tone: string = ""): Markup {
  return html`<td class="number ${value === 0 ? "zero" : tone}" data-label="${label}">${count(value)}</td>`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
