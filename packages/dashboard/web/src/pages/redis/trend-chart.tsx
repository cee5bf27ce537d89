import { useId, useState } from "react";
import { Button } from "../../components/button.tsx";
import { exactTime, moment } from "../../format/times.ts";
import { now } from "../../live/live.ts";
import { useSettings } from "../../settings.ts";
import { useWords } from "../../words/index.ts";

export interface TrendPoint {
  at: number;
  value: number;
}

const WIDTH = 1_000;
const HEIGHT = 100;
/** Longer without a point is a gap: no host was there to note one. */
const GAP = 900_000;

/** One figure over time, from 0, with its last value; and as a table. */
export function TrendChart(props: {
  title: string;
  label: string;
  points: readonly TrendPoint[];
  format: (value: number) => string;
}) {
  const { title, label, points, format } = props;
  const { redis: said } = useWords();
  const [isTable, setTable] = useState(false);
  const id = useId();
  useSettings();
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return null;
  const top = Math.max(...points.map(({ value }) => value)) || 1;
  return (
    <figure className="card trend-chart" aria-labelledby={id}>
      <header>
        <h3 id={id}>{title}</h3>
        <b>{format(last.value)}</b>
        <span className="push" />
        <Button
          size="small"
          look="quiet"
          icon={isTable ? "overview" : "columns"}
          label={isTable ? said.asChart : said.asTable}
          pressed={isTable}
          onClick={() => setTable(!isTable)}
        />
      </header>
      {isTable ? (
        <div className="body trend-table">
          <table className="t">
            <caption className="hidden">{label}</caption>
            <tbody>
              {points.toReversed().map(({ at, value }) => (
                <tr key={at}>
                  <th scope="row">{exactTime(at)}</th>
                  <td className="num">{format(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <div className="body chart">
          <small className="soft">{format(top)}</small>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
            <path className="grid" d={`M0 0H${WIDTH}`} />
            <path className="base" d={`M0 ${HEIGHT}H${WIDTH}`} />
            <path className="c1" d={pathOf(points, { from: first.at, to: last.at, top })} />
          </svg>
          <small className="row soft">
            <span>{moment(first.at, now())}</span>
            <span className="push" />
            <span>{moment(last.at, now())}</span>
          </small>
        </div>
      )}
    </figure>
  );
}

function pathOf(points: readonly TrendPoint[], { from, to, top }: { from: number; to: number; top: number }): string {
  const span = Math.max(1, to - from);
  let before = Number.NEGATIVE_INFINITY;
  return points
    .map(({ at, value }) => {
      const step = at - before > GAP ? "M" : "L";
      before = at;
      return `${step}${((at - from) / span) * WIDTH} ${HEIGHT - (value / top) * HEIGHT}`;
    })
    .join("");
}
