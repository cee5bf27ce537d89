import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { RateMark, Rates } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Chart } from "../../components/chart.tsx";
import { Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { duration } from "../../format/times.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";

const RANGES = ["15m", "1h", "3h", "24h", "7d"] as const;
type Range = (typeof RANGES)[number];

/** What happened in a pool over time: what ended, how long it waited, and how long it ran. */
export function PoolHistory({ pool }: { pool: string }) {
  const { pools: said } = useWords();
  const [range, setRange] = useState<Range>("1h");
  const rates = useQuery({
    ...reading<Rates>("/rates", { query: { pool, range }, topics: [] }),
    placeholderData: (before: Rates | undefined) => before,
    ...every(10_000),
  });
  return (
    <section className="section">
      <header>
        <h2>{said.history}</h2>
        <span className="push">
          <Segments
            label={said.timeRange}
            choices={RANGES.map((one) => [one, said.ranges[one]] as const)}
            chosen={range}
            onChoose={setRange}
          />
        </span>
      </header>
      <Reading of={rates} rows={4}>
        {(rates) => <Charts rates={rates} pool={pool} />}
      </Reading>
    </section>
  );
}

function Charts({ rates: { from, to, steps, marks }, pool }: { rates: Rates; pool: string }) {
  const { pools: said } = useWords();
  const times = steps.map(({ at }) => at);
  const markText = {
    "host started": said.markStarted,
    "host drains": said.markDrains,
    "first failure": said.markFailure,
  };
  const shared = {
    times,
    span: { from, to },
    marks: marks.map(({ at, kind, name }: RateMark) => ({ at, text: markText[kind](name) })),
  };
  const sum = (values: readonly (number | null)[]): string =>
    String(values.reduce<number>((total, value) => total + (value ?? 0), 0));
  const [completed, failed] = [steps.map((one) => one.completed), steps.map((one) => one.failed)];
  const parts = (of: "wait" | "run") =>
    [
      { name: "p50", color: 1, values: steps.map((one) => one[of]?.p50 ?? null) },
      { name: "p95", color: 2, isDashed: true, values: steps.map((one) => one[of]?.p95 ?? null) },
    ] as const;
  return (
    <div className="stack">
      <Chart
        {...shared}
        title={said.chartEnded}
        label={said.chartEndedLabel(pool, sum(completed), sum(failed))}
        series={[
          { name: said.chartCompleted, color: 1, form: "area", values: completed },
          { name: said.chartFailed, color: 3, form: "bars", values: failed },
        ]}
      />
      <div className="pair">
        <Chart
          {...shared}
          marks={[]}
          title={said.chartWait}
          label={said.chartWaitLabel(pool)}
          series={parts("wait")}
          format={duration}
          least={10}
          height={120}
        />
        <Chart
          {...shared}
          marks={[]}
          title={said.chartRun}
          label={said.chartRunLabel(pool)}
          series={parts("run")}
          format={duration}
          least={10}
          height={120}
        />
      </div>
    </div>
  );
}
