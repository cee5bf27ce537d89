import { visibleLines } from "@manyhands/core/internal";

/** How far a map has come, on stderr; without a terminal nothing is drawn. */
export interface MapProgress {
  advance(lines: number, failed: number): void;
  /** Text from outside that stays above the bar; what could act on the terminal is shown. */
  say(text: string): void;
  /** Lets `write` print to stderr without being drawn over. */
  aside(write: () => void): void;
  stop(): void;
}

/** How often the bar is drawn, ms. */
const REDRAW = 100;

/** @param total - Lines, null = not known */
export async function showProgress(total: number | null): Promise<MapProgress> {
  if (!process.stderr.isTTY) {
    return { advance: () => {}, say: write, aside: (write) => write(), stop: () => {} };
  }
  // Loaded only where it draws: every command would start later.
  const { Presets, SingleBar } = (await import("cli-progress")).default;
  const known = "{bar} {percentage}% | {value}/{total} lines | {failed} failed | {eta_formatted} left";
  const unknown = "{value} lines | {failed} failed | {duration_formatted}";
  const bar = new SingleBar(
    {
      format: total === null ? unknown : known,
      stream: process.stderr,
      fps: 1_000 / REDRAW,
      hideCursor: true,
      clearOnComplete: false,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let value = 0;
  let failures = 0;
  bar.start(total ?? 0, 0, { failed: 0 });
  const aside = (write: () => void): void => {
    process.stderr.write("\r\x1b[K");
    write();
    bar.update(value, { failed: failures });
  };
  return {
    advance(lines, failed) {
      value += lines;
      failures = failed;
      if (total === null) bar.setTotal(value);
      bar.update(value, { failed });
    },
    say: (text) => aside(() => write(text)),
    aside,
    stop: () => bar.stop(),
  };
}

function write(text: string): void {
  process.stderr.write(`${visibleLines(text, "  ")}\n`);
}
