import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Plot, Study } from "./study.ts";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const SIZE = { width: 720, height: 400 };

/** A drawing of some series of a study, as SVG. */
export function plotSvg(study: Study, plot: Plot): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  const shown = study.series.filter(({ name }) => plot.shows.includes(name));
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: { text: plot.title, left: "center" },
    legend: { bottom: 0, type: "plain" },
    grid: { left: 70, right: 30, top: 50, bottom: 50 + 20 * Math.ceil(shown.length / 2) },
    xAxis: { type: "log", name: study.grows, nameLocation: "middle", nameGap: 25, min: "dataMin", max: "dataMax" },
    yAxis: { type: plot.isLogarithmic ? "log" : "value", name: plot.unit },
    series: shown.map(({ name, figures }) => ({
      type: "line",
      name,
      data: study.sizes.map((size, index) => [size, figures[index]]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // What follows a mouse is of no use in a page that shows it as an image; a title is, to those who do not see it.
  const still = svg.replace(/<style[^>]*>[\s\S]*?<\/style>\n?/, "");
  return `${still.replace(">", `>\n<title>${plot.title}: ${study.title}</title>`)}\n`;
}
