import type { RunningTask } from "@manyhands/core/child";

/** What `currentTask()` gives in the target of a process, so that one task can be both. */
export class ProcessTask implements RunningTask {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly attempt = 1;
  readonly pid: number = process.pid;
  /** A process is not asked to stop: it gets signals. */
  readonly signal: AbortSignal = new AbortController().signal;

  constructor({ id, name, host }: { id: string; name: string; host: string }) {
    this.id = id;
    this.name = name;
    this.host = host;
  }

  /** The progress of a process is not reported. */
  progress(): void {}

  log(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}
