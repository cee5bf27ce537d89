import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Overview } from "../../../../src/api/types.ts";
import { Glyph, isStateName } from "../../components/state.tsx";
import { Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { clockTime } from "../../format/times.ts";
import { useWords } from "../../words/index.ts";

/** How much there is; each number leads to the list that it counts. */
export function Figures({ overview, away }: { overview: Overview; away: number | null }) {
  const { overview: said, states } = useWords();
  const { hosts, running, slots, waitForLocks, waiting, blocked, oldest, completed, failed } = overview.figures;
  const small = (text: string): ReactNode => <small>{away === null ? text : said.asOf(clockTime(overview.at))}</small>;
  const hostStates = Object.entries(hosts.states).map(
    ([state, many]) => [isStateName(state) ? states[state] : state, count(many)] as const,
  );
  return (
    <section className="figures" aria-label={said.figures}>
      <Link to="/hosts">
        <span className="label">{said.hosts}</span>
        <b>{count(hosts.total)}</b>
        {small(said.hostStates(hostStates))}
      </Link>
      <Link to="/tasks" search={{ state: "active" }}>
        <span className="label">{said.running}</span>
        <b>
          {count(running)} <i>{said.ofSlots(count(slots))}</i>
        </b>
        {small(waitForLocks === 0 ? "\u00a0" : said.waitForLocks(waitForLocks, count(waitForLocks)))}
      </Link>
      <Link to="/tasks" search={{ state: "waiting" }}>
        <span className="label">{said.waiting}</span>
        <b>{count(waiting)}</b>
        {small(waiting === 0 ? "\u00a0" : said.blocked(count(blocked)))}
      </Link>
      <Link to="/tasks" search={oldest ? { state: "waiting", pool: oldest.pool } : { state: "waiting" }}>
        <span className="label">{said.oldest}</span>
        <b>{oldest ? away === null ? <Lasting since={oldest.since} /> : clockTime(oldest.since) : "–"}</b>
        {small(oldest?.pool ?? said.nothingWaits)}
      </Link>
      <Link to="/tasks" search={{ state: "completed" }}>
        <span className="label">{said.completed}</span>
        <b>{count(completed.hour)}</b>
        {small(said.before(count(completed.before)))}
      </Link>
      <Link to="/failures" search={{}}>
        <span className={failed.hour > 0 ? "label bad" : "label"}>
          {failed.hour > 0 && <Glyph name="failed" />}
          {said.failed}
        </span>
        <b className={failed.hour > 0 ? "bad" : undefined}>{count(failed.hour)}</b>
        {small(said.before(count(failed.before)))}
      </Link>
    </section>
  );
}
