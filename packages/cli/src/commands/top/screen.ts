import { writeSync } from "node:fs";
import { emitKeypressEvents } from "node:readline";
import type { Key } from "./view.ts";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
/** Also ends colours, in case a line was cut. */
const LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l";

export interface ScreenEvents {
  onKey: (key: Key) => void;
  /** The terminal has another size, or everything on it is lost. */
  onResize: () => void;
  /** Nothing can be typed any more. */
  onEnd: () => void;
}

/**
 * The whole of a terminal, until it is disposed: the alternate screen, so that what was there before comes back, without a
 * cursor, and keys one by one. However the process ends, except by SIGKILL, the terminal is as it was.
 */
export class Screen implements Disposable {
  readonly #events: ScreenEvents;
  /** Lines on the terminal. */
  #lines: string[] = [];
  #isOpen = false;

  constructor(events: ScreenEvents) {
    this.#events = events;
    emitKeypressEvents(process.stdin);
    process.stdin.on("keypress", this.#onKey);
    process.stdin.once("end", this.#events.onEnd);
    process.stdout.on("resize", this.#onResize);
    process.on("exit", this.#leave);
    // Before Node prints the error, so that it is not printed on a screen that goes away.
    process.on("uncaughtExceptionMonitor", this.#leave);
    process.on("SIGCONT", this.#onContinue);
    this.#enter();
  }

  get size(): { columns: number; rows: number } {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  /** Shows lines; only those that have changed are written. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    let text = "";
    for (const [index, line] of lines.entries()) {
      if (this.#lines[index] !== line) text += `\x1b[${index + 1};1H${line}\x1b[0m\x1b[K`;
    }
    this.#lines = [...lines];
    if (text !== "") process.stdout.write(text);
  }

  /** Gives the terminal back and stops, as Ctrl-Z does, until the shell continues this process. */
  suspend(): void {
    this.#leave();
    process.kill(process.pid, "SIGTSTP");
  }

  [Symbol.dispose](): void {
    process.stdin.off("keypress", this.#onKey);
    process.stdin.off("end", this.#events.onEnd);
    process.stdout.off("resize", this.#onResize);
    process.off("SIGCONT", this.#onContinue);
    process.off("uncaughtExceptionMonitor", this.#leave);
    this.#leave();
    process.off("exit", this.#leave);
    process.stdin.pause();
  }

  readonly #onKey = (text: string | undefined, { name, ctrl, shift }: Key): void => {
    this.#events.onKey({ name, ctrl, shift, text: text ?? "" });
  };

  readonly #onResize = (): void => {
    this.#clear();
    this.#events.onResize();
  };

  readonly #onContinue = (): void => {
    if (this.#isOpen) this.#leave();
    this.#enter();
    this.#onResize();
  };

  #clear(): void {
    this.#lines = [];
    if (this.#isOpen) process.stdout.write("\x1b[2J");
  }

  #enter(): void {
    this.#isOpen = true;
    process.stdin.setRawMode(true);
    process.stdin.resume();
    this.#lines = [];
    process.stdout.write(ENTER);
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      process.stdin.setRawMode(false);
      // At once: nothing that is written later would arrive from a process that ends.
      writeSync(1, LEAVE);
    } catch {
      // The terminal is gone.
    }
  };
}
