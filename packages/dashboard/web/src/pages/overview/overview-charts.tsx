import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Rates } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Chart, type ChartMark } from "../../components/chart.tsx";
import { Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { count } from "../../format/numbers.ts";
import { duration, shortTime } from "../../format/times.ts";
import { soonAgain } from "../../live/away.ts";
import { RANGES, type Range } from "../../router-search.ts";
import { useWords, type Words } from "../../words/index.ts";

/** Steps are of a minute at least: figures are read again so often, ms. */
const FRESH = 15_000;

export function OverviewCharts() {
  const { overview: said } = useWords();
  const { range = "3h" }: { range?: Range } = useSearch({ from: "/" });
  const navigate = useNavigate();
  const rates = useQuery({
    ...reading<Rates>("/rates", { topics: [], query: { range } }),
    placeholderData: (before: Rates | undefined) => before,
    refetchInterval: ({ state }) => soonAgain(state, FRESH),
  });
  return (
    <section className="section">
      <header>
        <h2>{said.last[range]}</h2>
        <span className="push">
          <Segments
            label={said.range}
            choices={RANGES.map((one) => [one, said.ranges[one]] as const)}
            chosen={range}
            onChoose={(chosen: Range) => void navigate({ to: "/", search: { range: chosen }, replace: true })}
          />
        </span>
      </header>
      <div className="grid3">
        <Reading of={rates} rows={4}>
          {(data) => <Charts rates={data} />}
        </Reading>
      </div>
    </section>
  );
}

function Charts({ rates }: { rates: Rates }) {
  const { overview: said } = useWords();
  const [shown, setShown] = useState<"wait" | "run">("wait");
  const drawn = useMemo(() => drawnOf(rates, said), [rates, said]);
  const { times, span, completed, failed, marks } = drawn;
  const step = duration(rates.step);
  const { p50, p95 } = drawn[shown];
  const last = (values: readonly (number | null)[]): string => {
    const value = values.findLast((one) => one !== null);
    return value === undefined || value === null ? "–" : duration(value);
  };
  const label = shown === "wait" ? said.waitLabel : said.runLabel;
  return (
    <>
      <Chart
        title={said.every(said.completedChart, step)}
        label={said.completedLabel(count(total(completed)))}
        times={times}
        span={span}
        series={[{ name: said.now, color: 1, form: "area", values: completed }]}
        marks={marks.hosts}
      />
      <Chart
        title={said.every(said.failedChart, step)}
        label={said.failedLabel(count(total(failed)))}
        times={times}
        span={span}
        series={[{ name: said.now, color: 3, form: "bars", values: failed }]}
        marks={marks.failures}
      />
      <Chart
        title={shown === "wait" ? said.waitChart : said.runChart}
        label={label(last(p50), last(p95))}
        times={times}
        span={span}
        format={duration}
        least={10}
        series={[
          { name: "p50", color: 1, values: p50 },
          { name: "p95", color: 2, isDashed: true, values: p95 },
        ]}
        marks={marks.hosts}
        actions={
          <Segments
            label={said.shown}
            choices={[
              ["wait", said.wait],
              ["run", said.run],
            ]}
            chosen={shown}
            onChoose={setShown}
          />
        }
      />
    </>
  );
}

function drawnOf({ from, to, step, steps, marks }: Rates, said: Words["overview"]) {
  // What the last step has counted so far would look as if less were done.
  const hasEarlier = steps.slice(0, -1).some(({ completed }) => completed !== null);
  const isOver = (at: number): boolean => !hasEarlier || at + step <= to;
  const words = ({ kind, name, at }: Rates["marks"][number]): ChartMark => ({
    at,
    text: `${shortTime(at)} ${said.marks[kind](name)}`,
  });
  const percentiles = (name: "wait" | "run") => ({
    p50: steps.map((one) => one[name]?.p50 ?? null),
    p95: steps.map((one) => one[name]?.p95 ?? null),
  });
  return {
    times: steps.map(({ at }) => at),
    span: { from, to: from + steps.length * step },
    completed: steps.map(({ at, completed }) => (isOver(at) ? completed : null)),
    failed: steps.map(({ failed }) => failed),
    wait: percentiles("wait"),
    run: percentiles("run"),
    marks: {
      hosts: marks.filter(({ kind }) => kind !== "first failure").map(words),
      failures: marks.filter(({ kind }) => kind === "first failure").map(words),
    },
  };
}

function total(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
