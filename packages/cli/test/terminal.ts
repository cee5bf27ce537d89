import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder, until } from "@manyhands/testing";
import { onTestFinished } from "vitest";

const PROGRAM = fileURLToPath(new URL("../bin/manyhands.js", import.meta.url));

/** Whether a program is installed on this machine; says so where a test has to be left out. */
export function isInstalled(...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  if (missing.length > 0) {
    process.stderr.write(`left out: ${missing.join(" and ")} not installed; apt-get install ${missing.join(" ")}\n`);
  }
  return missing.length === 0;
}

/** The command `manyhands` in a folder for PATH. */
export function commandFolder(): string {
  const folder = temporaryFolder();
  const file = join(folder, "manyhands");
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(file, 0o755);
  return folder;
}

export interface TerminalOptions {
  /** Words of the program in it. */
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
  columns?: number;
  rows?: number;
}

/** A real terminal, by tmux, with one program in it; it ends with the test. */
export class Terminal {
  readonly #socket = join(temporaryFolder(), "tmux");

  constructor({ command, env = {}, columns = 80, rows = 24 }: TerminalOptions) {
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const path = `${commandFolder()}${delimiter}${process.env["PATH"]}`;
    this.#tmux(
      ...["new-session", "-d", "-x", String(columns), "-y", String(rows)],
      // The shell around it shows what the program has left behind.
      `exec ${quoted(["env", `PATH=${path}`, "NODE_NO_WARNINGS=1", ...settings, ...command])}`,
      ...[";", "set-option", "-g", "remain-on-exit", "on"],
    );
    onTestFinished(() => void spawnSync("tmux", ["-S", this.#socket, "kill-server"]));
  }

  /** Text, or names of keys such as `Tab`, `Enter`, `Up`. */
  press(...keys: readonly string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** Text as it is. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", text);
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Lines of the screen, without spaces at their ends. */
  lines(): string[] {
    return this.#tmux("capture-pane", "-p").split("\n").slice(0, -1);
  }

  get screen(): string {
    return this.lines().join("\n").trimEnd();
  }

  /** A fact that tmux knows, such as `pane_pid`, `alternate_on`, `cursor_flag`, `pane_dead`. */
  fact(name: string): string {
    return this.#tmux("display-message", "-p", `#{${name}}`).trim();
  }

  /** Waits until the screen matches. */
  async shows(pattern: RegExp): Promise<string> {
    let seen = "";
    await until(
      () => {
        seen = this.screen;
        return pattern.test(seen);
      },
      { what: `the terminal shows ${pattern}` },
    ).catch((error) => {
      throw new Error(`${(error as Error).message}; it shows:\n${seen}`);
    });
    return seen;
  }

  #tmux(...words: readonly string[]): string {
    const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8" } } as const;
    return execFileSync("tmux", ["-S", this.#socket, "-f", "/dev/null", ...words], options);
  }
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}
