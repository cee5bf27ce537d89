import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ValueError } from "@manyhands/core";
import {
  AuditTrail,
  assertFileName,
  Duty,
  type FileOutcome,
  followFile,
  type Keys,
  type Milliseconds,
  plural,
  type RedisClient,
  type ScheduleFile,
} from "@manyhands/core/internal";
import { fileAsItIs, type LoadedFile } from "../child/loaded-files.ts";
import { ModuleWatch } from "../watch/module-watch.ts";
import { readFileOfSchedules } from "./read-schedule-file.ts";

export interface ScheduleFileOptions {
  client: RedisClient;
  keys: Keys;
  logger: { info(message: string): void; warn(message: string): void; error(message: string): void };
  /** Name of the host. */
  host: string;
  /** `file:` URL of the file. */
  url: string;
  /** Read it again when it, or what it imports, changes. */
  isWatched: boolean;
  maxPayload: number;
  imports: readonly string[];
}

/** So often a host says that its version of the file is still there, and looks for what is left to do, ms. */
const INTERVAL: Milliseconds = 20_000;

/** Has Redis follow the file of schedules that a host was given. */
export class ScheduleFileKeeper {
  readonly #options: ScheduleFileOptions;
  readonly #path: string;
  readonly #watch: ModuleWatch;
  readonly #duty: Duty;
  readonly #audit: AuditTrail;
  #name = "";
  #entries: ScheduleFile["entries"] = [];
  /** What was said last about what could not be done: it is said once. */
  #told = "";

  constructor(options: ScheduleFileOptions) {
    this.#options = options;
    this.#path = fileURLToPath(options.url);
    const { client, keys, logger, host } = options;
    const actor = { name: host, via: "host", role: null, address: null } as const;
    this.#audit = new AuditTrail({ client, keys, logger, actor: () => actor });
    this.#watch = new ModuleWatch({ onChange: () => this.#reload(), logger });
    const what = `following the schedules of ${this.#path}`;
    this.#duty = new Duty({ client, logger, what, interval: INTERVAL, look: () => this.#follow(false) });
  }

  /** @throws ValueError naming the file, and the entry, where one is wrong */
  async start(): Promise<void> {
    const { error, files } = await this.#read();
    if (error !== null) throw new ValueError(`schedules: ${this.#path}: ${error}`);
    await this.#follow(true);
    this.#duty.start();
    if (!this.#options.isWatched) return;
    this.#watch.follow(files);
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#watch.stop(), this.#duty.stop()]);
  }

  async #reload(): Promise<void> {
    // What changes from now on is noticed, also where it cannot be loaded.
    const before = this.#watch.files.map(({ path }) => fileAsItIs(path));
    const { error, files } = await this.#read();
    const known = new Set(files.map(({ path }) => path));
    this.#watch.follow([...files, ...before.filter(({ path }) => !known.has(path))]);
    if (error === null) return this.#follow(true);
    this.#options.logger.error(`${this.#path} has changed and cannot be used; its schedules stay: ${error}`);
  }

  async #read(): Promise<{ error: string | null; files: LoadedFile[] }> {
    const { url, maxPayload, imports } = this.#options;
    const found = await readFileOfSchedules({ url, maxPayload }, imports);
    if ("error" in found) return { error: found.error, files: found.files };
    this.#entries = found.read.entries;
    this.#name = found.read.file ?? nameOf(this.#path);
    return { error: null, files: found.files };
  }

  /** @param again - Also where this version has been applied before. */
  async #follow(again: boolean): Promise<void> {
    const { client, keys, host } = this.#options;
    const changed = (what: "set" | "remove", schedule: string): Promise<void> => this.#note(what, schedule);
    const file = { name: this.#name, entries: this.#entries, host, again, changed };
    this.#tell(await followFile({ client, keys }, file), again);
  }

  /** In the audit log, after the change: most looks at a file change nothing. */
  async #note(what: "set" | "remove", schedule: string): Promise<void> {
    const details = `file ${this.#name}`;
    const change = { action: `schedule.${what}`, kind: "schedule", target: schedule, details };
    await this.#audit
      .record(change, async () => {})
      .catch((error: Error) => {
        this.#options.logger.warn(`the audit log could not note ${change.action} of ${schedule}: ${error.message}`);
      });
  }

  #tell({ whose, set, removed, owned, other }: FileOutcome, again: boolean): void {
    const { logger } = this.#options;
    const about = `schedules of "${this.#name}"`;
    if (set.length + removed.length > 0 || (again && whose === "ours" && owned.length === 0)) {
      const changes = [
        ...(set.length > 0 ? [`${set.join(", ")} set`] : []),
        ...(removed.length > 0 ? [`${removed.join(", ")} removed, which the file names no longer`] : []),
      ];
      logger.info(`${about}: ${changes.join("; ") || `${plural(this.#entries.length, "schedule")}, nothing changed`}`);
    }
    const trouble = [
      ...(other === null
        ? []
        : [
            `host "${other.host}" brought another version at ${new Date(other.since).toISOString()}, which is in force; ` +
              "the earlier one of this host is left out as long as hosts have that one",
          ]),
      ...(owned.length === 0 ? [] : [`${owned.join(", ")} left out: another file that hosts have sets the same name`]),
    ].join("; ");
    if (trouble !== "" && (again || trouble !== this.#told)) logger.warn(`${about}: ${trouble}`);
    this.#told = trouble;
  }
}

/** By which hosts know versions of one file, on whichever machine it lies: the name of its package, and its own. */
function nameOf(path: string): string {
  const own = basename(path, extname(path));
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) {
      const name = packageName(file);
      const whole = name === null ? own : `${name}/${own}`;
      assertFileName(whole);
      return whole;
    }
    if (folder === dirname(folder)) break;
  }
  assertFileName(own);
  return own;
}

function packageName(file: string): string | null {
  try {
    const { name } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown };
    return typeof name === "string" ? name : null;
  } catch {
    return null;
  }
}
