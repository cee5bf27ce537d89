import type { Line } from "../measure.ts";
import type { Settings } from "../settings.ts";

/** What every part of `bench scale` is given. */
export interface StudySettings extends Pick<Settings<string>, "rounds" | "short"> {
  /** The sizes to measure, in growing order. */
  sizes: readonly number[];
}

/** Figures of one kind over the sizes. */
export interface Series {
  /** Begins with what is counted and its unit. */
  name: string;
  figures: readonly number[];
}

/** What one part found. */
export interface Study {
  /** File name of its plots, and the word by which it is asked for. */
  name: string;
  title: string;
  /** What grows, with its unit. */
  grows: string;
  sizes: readonly number[];
  series: readonly Series[];
  plots: readonly Plot[];
  /** What has a bar or a peer. */
  lines: readonly Line[];
  /** What else there is to say, a line each. */
  notes: readonly string[];
}

export interface Plot {
  name: string;
  title: string;
  unit: string;
  /** Names of the series that it shows. */
  shows: readonly string[];
  /** A logarithmic axis of the figures. */
  isLogarithmic: boolean;
}

/** The figures of a series from what each size measured. */
export function seriesOf<Figures>(
  measured: readonly Figures[],
  names: Record<string, (one: Figures) => number>,
): Series[] {
  return Object.entries(names).map(([name, figure]) => ({ name, figures: measured.map(figure) }));
}
