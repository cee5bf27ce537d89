import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Overview } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Command, Empty, PageHead, Reading } from "../../components/page.tsx";
import { Glyph } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { duration, wholeDuration } from "../../format/times.ts";
import { soonAgain, useAway } from "../../live/away.ts";
import { useNow } from "../../live/clock.ts";
import { now } from "../../live/live.ts";
import { useWords } from "../../words/index.ts";
import { AttentionList } from "./attention-list.tsx";
import { Figures } from "./figures.tsx";
import { HostList } from "./host-list.tsx";
import { OverviewCharts } from "./overview-charts.tsx";
import { PoolTable } from "./pool-table.tsx";

/** Time goes on also where nothing happens: then it is read again after this, ms. */
const LOOK_AGAIN = 60_000;

export function OverviewPage() {
  const { overview: said } = useWords();
  const overview = useQuery({
    ...reading<Overview>("/overview", { topics: ["pools", "hosts", "objects", "failures"] }),
    refetchInterval: ({ state }) => {
      const due = state.data?.lookAgainAt ?? null;
      return soonAgain(state, due === null ? LOOK_AGAIN : Math.min(LOOK_AGAIN, Math.max(1_000, due - now() + 200)));
    },
  });
  const away = useAway(overview);
  useEffect(() => {
    document.body.classList.toggle("stale", away !== null);
    return () => document.body.classList.remove("stale");
  }, [away]);
  return (
    <>
      {overview.data === undefined && <PageHead title={said.title} tab={said.title} />}
      <Reading of={overview} rows={8}>
        {(data) => (isUnused(data) ? <FirstUse /> : <Board overview={data} away={away} />)}
      </Reading>
    </>
  );
}

function isUnused({ hostCount, poolCount, figures }: Overview): boolean {
  return (
    hostCount === 0 && figures.waiting === 0 && figures.dead === 0 && figures.completed.hour === 0 && poolCount <= 1
  );
}

function Board({ overview, away }: { overview: Overview; away: number | null }) {
  const { overview: said } = useWords();
  const { attention, counts, pools, poolCount, hosts, hostCount } = overview;
  const more = counts.now + counts.soon - attention.length;
  return (
    <>
      <Verdict overview={overview} away={away} />
      <div className="first">
        <AttentionList findings={attention} more={more} isAway={away !== null} />
        <Figures overview={overview} away={away} />
      </div>
      <OverviewCharts />
      <div className="grid2">
        <section className="section">
          <header>
            <h2>{said.pools}</h2>
            <Link className="more" to="/pools">
              {said.allPools(poolCount, count(poolCount))}
            </Link>
          </header>
          <PoolTable pools={pools} />
        </section>
        <section className="section">
          <header>
            <h2>{said.hosts}</h2>
            <Link className="more" to="/hosts">
              {said.allHosts(hostCount, count(hostCount))}
            </Link>
          </header>
          <HostList hosts={hosts} />
        </section>
      </div>
    </>
  );
}

function Verdict({ overview, away }: { overview: Overview; away: number | null }) {
  const { findings: said } = useWords();
  const time = useNow();
  const { counts, latency, hostCount } = overview;
  const calm = counts.soon > 0 ? said.calm : said.well;
  const verdict = away !== null ? said.away : counts.now > 0 ? said.verdict(counts.now) : calm;
  const lead =
    away === null
      ? `${said.lead(counts)} ${said.answers(duration(latency), hostCount)}`.trim()
      : said.awayLead(wholeDuration(time - away), counts);
  const isBad = away !== null || counts.now > 0;
  return (
    <PageHead
      tab={verdict}
      title={
        <span className="verdict">
          <span className={isBad ? "bad" : counts.soon > 0 ? "warn" : "good"}>
            <Glyph name={isBad ? "failed" : counts.soon > 0 ? "warn" : "completed"} />
          </span>
          <span>{verdict}</span>
        </span>
      }
      lead={lead}
    />
  );
}

function FirstUse() {
  const { overview: said } = useWords();
  return (
    <>
      <PageHead title={said.title} tab={said.firstUse} />
      <Empty title={said.firstUse}>
        <p>{said.firstUseHow}</p>
        <p>{said.firstHost}</p>
        <Command text="manyhands worker --tasks tasks.ts" />
        <p>{said.firstCall}</p>
        <Command text={"manyhands submit resize '\"a.png\"'"} />
        <p>{said.firstMore}</p>
        <Command text="manyhands demo --busy" />
      </Empty>
    </>
  );
}
