import type { LogFacts, Logger } from "@manyhands/core";
import { visibleJson, visibleLine, visibleLines } from "@manyhands/core/internal";
import { pino } from "pino";
import type { LogLevel } from "./host-log.ts";
import { withoutPasswords } from "./passwords.ts";

/** `pretty` for people, `json` for programs: one object a line. */
export type LogFormat = "pretty" | "json";

/**
 * A log on stderr: each line has a time, a level and the name of the host, and what else is known.
 * @param options - `format`: without one, `pretty` on a terminal and `json` elsewhere
 */
export function stderrLog(options: { host: string; level: LogLevel; format?: LogFormat | undefined }): Logger {
  const { host, level, format = process.stderr.isTTY ? "pretty" : "json" } = options;
  const log = pino(
    {
      level,
      base: { host },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Through the stream and not by the descriptor: a host never waits for a slow reader.
    { write: (line) => void process.stderr.write(format === "json" ? visibleJson(line) : pretty(line)) },
  );
  const write =
    (name: LogLevel) =>
    (message: string, facts: LogFacts = {}): void =>
      log[name](facts, withoutPasswords(message));
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

const COLOURS: Readonly<Record<string, number>> = { debug: 2, info: 32, warn: 33, error: 31 };
/** Said elsewhere in the line. */
const IN_THE_LINE = new Set(["time", "level", "host", "msg", "task", "id", "error"]);

/** `2026-11-28 12:00:01.234 WARN  web-1: task "resize" (k3-17) failed: …  pool=images attempt=1 duration=12` */
function pretty(json: string): string {
  const line = JSON.parse(json) as Record<string, unknown>;
  const { time, level, host, msg } = line as Record<"time" | "level" | "host" | "msg", string>;
  const facts = Object.entries(line).filter(([name]) => !IN_THE_LINE.has(name));
  const more = facts.map(([name, value]) => `${name}=${visibleLine(String(value))}`).join(" ");
  const mark = paint(level.toUpperCase().padEnd(5), COLOURS[level] ?? 0);
  const text = `${time.replace("T", " ").replace("Z", "")} ${mark} ${visibleLine(host)}: ${visibleLines(msg, "  ")}`;
  return `${more === "" ? text : `${text}  ${paint(more, 2)}`}\n`;
}

function paint(text: string, colour: number): string {
  const isColoured = process.stderr.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  return isColoured && colour > 0 ? `\x1b[${colour}m${text}\x1b[0m` : text;
}
