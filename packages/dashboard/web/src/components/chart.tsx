import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import uPlot from "uplot";
import { count } from "../format/numbers.ts";
import { exactTime, moment, shortTime } from "../format/times.ts";
import { now } from "../live/live.ts";
import { useSettings } from "../settings.ts";
import { useWords } from "../words/index.ts";
import { Button } from "./button.tsx";

export interface ChartSeries {
  /** Said in the legend. */
  name: string;
  /** Its colour among those of charts. */
  color: 1 | 2 | 3 | 4 | 5;
  /** `bars` for counts of rare things. @defaultValue "line" */
  form?: "line" | "area" | "bars";
  /** Tells lines apart without their colour. */
  isDashed?: boolean;
  /** One for each of the times; null is a gap. */
  values: readonly (number | null)[];
}

/** Something that happened: a dotted line with words. */
export interface ChartMark {
  /** Epoch ms. */
  at: number;
  text: string;
}

export interface ChartProps {
  title: ReactNode;
  /** What the chart shows, in words, for readers of the screen. */
  label: string;
  /** Beginnings of the steps, epoch ms, the oldest first. */
  times: readonly number[];
  /** What the axis shows, epoch ms. @defaultValue the first and the last of the times */
  span?: { from: number; to: number };
  series: readonly ChartSeries[];
  marks?: readonly ChartMark[];
  /** A value with its unit. @defaultValue a whole number */
  format?: (value: number) => string;
  /** The smallest upper end of the axis. @defaultValue 4 */
  least?: number;
  /** Beside the title. */
  actions?: ReactNode;
  /** Of the drawing, pixels. @defaultValue 150 */
  height?: number;
}

/** Values over time, drawn at the width it has; with the last value of each series, and all of them as a table. */
export function Chart(props: ChartProps) {
  const { title, label, times, series, format = count, actions } = props;
  const { common } = useWords();
  const [isTable, setTable] = useState(false);
  const id = useId();
  return (
    <figure className="card chart" aria-labelledby={id}>
      <div className="chart-head">
        <h3 id={id}>{title}</h3>
        <span className="push row">
          {actions}
          <Button
            size="small"
            look="quiet"
            icon={isTable ? "overview" : "columns"}
            label={isTable ? common.asChart : common.asTable}
            pressed={isTable}
            onClick={() => setTable(!isTable)}
          />
        </span>
        <p className="legend">
          {series.map((one) => (
            <span key={one.name}>
              <i className={`key c${one.color} ${one.isDashed ? "dashed" : (one.form ?? "line")}`} />
              {one.name} <b>{lastText(one.values, format)}</b>
            </span>
          ))}
        </p>
      </div>
      <div className="chart-body">
        {isTable ? (
          <ChartTable times={times} series={series} format={format} caption={label} />
        ) : (
          <Drawing {...props} format={format} />
        )}
      </div>
    </figure>
  );
}

function ChartTable(props: Required<Pick<ChartProps, "times" | "series" | "format">> & { caption: string }) {
  const { times, series, format, caption } = props;
  const { common } = useWords();
  const rows = times.map((at, index) => ({ at, index })).reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section className="chart-table" tabIndex={0} aria-label={caption}>
      <table className="t">
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{common.time}</th>
            {series.map(({ name }) => (
              <th key={name} scope="col" className="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, index }) => (
            <tr key={at}>
              <th scope="row">
                <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>
                  {moment(at, now())}
                </time>
              </th>
              {series.map(({ name, values }) => (
                <td key={name} className="num">
                  {textOf(values[index], format)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function lastText(values: readonly (number | null)[], format: (value: number) => string): string {
  return textOf(
    values.findLast((value) => value !== null),
    format,
  );
}

function textOf(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}

const HEIGHT = 150;
/** Above the lines is room for the words of the marks, pixels. */
const MARKS_HEIGHT = 14;
const DASHES = [5, 3];

function Drawing(props: ChartProps & { format: (value: number) => string }) {
  const { label, height = HEIGHT } = props;
  const settings = useSettings();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(props);
  shown.current = props;
  const shape = JSON.stringify([
    props.series.map(({ name, color, form, isDashed }) => [name, color, form, isDashed]),
    height,
    settings.theme,
    settings.timeZone,
    settings.language,
  ]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` holds what a drawing is made of; data come below
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(shown, element, height), dataOf(shown.current), element);
    };
    make();
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (plot.current && width > 0 && width !== plot.current.width) plot.current.setSize({ width, height });
    });
    resized.observe(element);
    // Colours are drawn, so they do not follow by themselves.
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", make);
    return () => {
      scheme.removeEventListener("change", make);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    plot.current?.setData(dataOf(shown.current));
  }, [props.times, props.series, props.marks, props.span]);

  return <div ref={place} className="plot" role="img" aria-label={label} style={{ height }} />;
}

function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [times.map((at) => at / 1_000), ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function optionsOf(
  shown: { readonly current: ChartProps & { format: (value: number) => string } },
  element: HTMLElement,
  height: number,
): uPlot.Options {
  const color = colorsOf(element);
  const font = `11.5px ${getComputedStyle(element).fontFamily}`;
  const { series, format, least = 4 } = shown.current;
  const { bars } = uPlot.paths;
  const grid = { stroke: color("--chart-grid"), width: 1 };
  const axis = { font, stroke: color("--faint"), ticks: { show: false } };
  return {
    width: Math.max(element.clientWidth, 1),
    height,
    padding: [MARKS_HEIGHT, 6, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
    scales: {
      x: {
        time: true,
        range: (_, min, max) => {
          const { span } = shown.current;
          return span ? [span.from / 1_000, span.to / 1_000] : [min, max];
        },
      },
      y: { range: (_, _min, max) => [0, roundUp(Math.max(max ?? 0, least))] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 20,
        gap: 4,
        splits: (...[drawn, , min, max]) => roundTimes(min, max, drawn.width),
        values: (_, splits) => splits.map((at) => axisTime(at * 1_000, shown.current)),
      },
      {
        ...axis,
        grid,
        size: (drawn, values) => {
          drawn.ctx.font = font;
          const widths = (values ?? []).map((text) => drawn.ctx.measureText(text).width);
          return Math.max(30, Math.ceil(Math.max(0, ...widths) / devicePixelRatio) + 10);
        },
        gap: 6,
        splits: (...[, , , max]) => [0, max / 2, max],
        values: (_, splits) => splits.map((value) => (value === 0 ? "0" : format(value))),
      },
    ],
    series: [
      {},
      ...series.map((one): uPlot.Series => {
        const stroke = color(`--chart-${one.color}`);
        return {
          label: one.name,
          stroke,
          width: one.form === "bars" ? 0 : 1.75,
          spanGaps: false,
          points: {
            show: one.form !== "bars",
            size: 4,
            fill: stroke,
            filter: (drawn, index) => lonely(drawn.data[index]),
          },
          ...(one.isDashed && { dash: DASHES }),
          ...(one.form === "area" && { fill: color("--chart-fill") }),
          ...(one.form === "bars" && {
            fill: stroke,
            ...(bars && { paths: bars({ size: [0.8, 14, 2], align: 1, radius: 0.1 }) }),
          }),
        };
      }),
    ],
    hooks: {
      draw: [
        (drawn) =>
          drawMarks(drawn, shown.current.marks ?? [], { font, text: color("--soft"), line: color("--control") }),
      ],
    },
  };
}

/** A value between two gaps has no line: a point shows it. */
function lonely(values: uPlot.AlignedData[number] = []): number[] {
  const isGap = (index: number): boolean => (values[index] ?? null) === null;
  const points: number[] = [];
  for (let index = 0; index < values.length; index += 1) {
    if (!isGap(index) && isGap(index - 1) && isGap(index + 1)) points.push(index);
  }
  return points;
}

function drawMarks(plot: uPlot, marks: readonly ChartMark[], look: { font: string; text: string; line: string }): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  let free = bbox.left;
  ctx.save();
  ctx.font = look.font.replace(/^[\d.]+/, (size) => String(Number(size) * ratio));
  ctx.textBaseline = "alphabetic";
  ctx.lineWidth = ratio;
  for (const { at, text } of [...marks].sort((left, right) => left.at - right.at)) {
    const x = Math.round(plot.valToPos(at / 1_000, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = look.line;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - 3 * ratio);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    // Words that would lie upon others are left out; the line stays.
    const { width } = ctx.measureText(text);
    const left = Math.max(bbox.left, Math.min(x - width / 2, bbox.left + bbox.width - width));
    if (left < free) continue;
    ctx.fillStyle = look.text;
    ctx.fillText(text, left, bbox.top - 5 * ratio);
    free = left + width + 6 * ratio;
  }
  ctx.restore();
}

/** The colour of a token as it is now: canvas knows no variables. */
function colorsOf(element: HTMLElement): (token: string) => string {
  const probe = document.createElement("i");
  element.append(probe);
  const colors = new Map<string, string>();
  for (const token of ["--chart-grid", "--chart-fill", "--faint", "--soft", "--control", ...CHART_COLORS]) {
    probe.style.color = `var(${token})`;
    colors.set(token, getComputedStyle(probe).color);
  }
  probe.remove();
  return (token) => colors.get(token) ?? "gray";
}

const CHART_COLORS = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"];

/** The next of 1, 2, 4, 6, 10, 20, … that can be halved well. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 3, 4, 6, 8, 10]) {
    const round = step * power;
    if (round >= value && (round >= 2 || power < 1)) return round;
  }
  return 10 * power;
}

const TIME_STEPS = [60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800];

/** Round times of the axis, as many as have room, s. */
function roundTimes(min: number, max: number, width: number): number[] {
  const most = Math.max(4, Math.floor(width / 75));
  const step = TIME_STEPS.find((one) => (max - min) / one <= most) ?? 172_800;
  const zone = -new Date(max * 1_000).getTimezoneOffset() * 60;
  const times: number[] = [];
  for (let at = Math.ceil((min + zone) / step) * step - zone; at <= max; at += step) times.push(at);
  return times;
}

function axisTime(at: number, { span, times }: ChartProps): string {
  const from = span?.from ?? times[0] ?? at;
  const to = span?.to ?? times.at(-1) ?? at;
  if (to - from <= 36 * 3_600_000) return shortTime(at);
  return moment(at, 0).split(" ").slice(0, 3).join(" ");
}
