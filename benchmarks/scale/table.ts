import type { Study } from "./study.ts";

/** The figures of a study as a table in Markdown, a row for each series. */
export function table({ title, grows, sizes, series }: Study): string {
  const rows = [
    [grows, ...sizes.map((size) => size.toLocaleString("en").replaceAll(",", " "))],
    ["---", ...sizes.map(() => "---")],
    ...series.map(({ name, figures }) => [name, ...figures.map(amount)]),
  ];
  return [`${title}:`, "", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

/** Three digits that count. */
function amount(figure: number): string {
  if (!Number.isFinite(figure)) return "-";
  if (Math.abs(figure) >= 100) return Math.round(figure).toLocaleString("en").replaceAll(",", " ");
  return String(Number(figure.toPrecision(3)));
}
