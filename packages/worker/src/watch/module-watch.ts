import { stat } from "node:fs/promises";
import { Duty, type Milliseconds, pause } from "@manyhands/core/internal";
import type { LoadedFile } from "../child/loaded-files.ts";

export interface ModuleWatchOptions {
  /** Called when a file differs from what was loaded; the next look comes when it is over. */
  onChange: () => Promise<void>;
  logger: { warn(message: string): void };
}

/** Time between two looks, ms. Files are compared, because not every file system tells of changes. */
const INTERVAL: Milliseconds = 300;
/** An editor may write several files, or one in parts, within this time, ms. */
const SETTLE: Milliseconds = 50;

/** Notices that files of the task modules have changed since they were loaded. For development. */
export class ModuleWatch {
  readonly #options: ModuleWatchOptions;
  readonly #duty: Duty;
  #files: readonly LoadedFile[] = [];

  constructor(options: ModuleWatchOptions) {
    this.#options = options;
    const { logger } = options;
    const what = "watching the task modules";
    this.#duty = new Duty({ what, interval: INTERVAL, jitter: 0, logger, look: () => this.#look() });
  }

  /** @param files - As they were loaded. */
  follow(files: readonly LoadedFile[]): void {
    this.#files = files;
  }

  /** The files that are watched. */
  get files(): readonly LoadedFile[] {
    return this.#files;
  }

  start(): void {
    this.#duty.start();
  }

  async stop(): Promise<void> {
    await this.#duty.stop();
  }

  async #look(): Promise<void> {
    if (!(await this.#hasChanged())) return;
    await pause(SETTLE);
    await this.#options.onChange();
  }

  async #hasChanged(): Promise<boolean> {
    const changes = await Promise.all(
      this.#files.map(async ({ path, modified, size }) => {
        const now = await stat(path).catch(() => null);
        return (now?.mtimeMs ?? null) !== modified || (now?.size ?? 0) !== size;
      }),
    );
    return changes.includes(true);
  }
}
