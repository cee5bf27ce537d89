import { decode, decodeError, encodeToString, type Isolation, type UnitAnswer } from "@manyhands/core/internal";
import { onTestFinished } from "vitest";
import type { RunRequest } from "../../src/child/messages.ts";
import { createExecutor } from "../../src/executor/create-executor.ts";
import type { Executor, ExecutorExit, RunMessage, StrayOutput } from "../../src/executor/executor.ts";
import type { CreateExecutorOptions } from "../../src/executor/executor-options.ts";

export const fixture = (name: string): string => new URL(`../fixtures/${name}`, import.meta.url).href;

let jobs = 0;

/** An executor that ends with the test, with a job of one call, of many calls, or of a chunk in one line each. */
export class StartedExecutor {
  readonly executor: Executor;
  readonly stray: StrayOutput[] = [];

  constructor(isolation: Isolation, options: Partial<CreateExecutorOptions> = {}) {
    this.executor = createExecutor({
      isolation,
      modules: [fixture("executor-tasks.ts")],
      hostName: "host-a",
      hostId: "host-a-id",
      connection: null,
      namespace: "test",
      onOutput: (output) => this.stray.push(output),
      ...options,
    });
    onTestFinished(async () => void (await this.executor.kill("the test has ended")));
  }

  run(request: Partial<RunRequest> & { task: string }, onMessage?: (message: RunMessage) => void): Promise<Outcome> {
    jobs += 1;
    return collect(this.executor, { ...defaults, jobId: `job-${jobs}`, ...request }, onMessage);
  }

  call(task: string, ...args: unknown[]): Promise<Outcome> {
    return this.run({ task, encodedArgs: encodeToString(args) });
  }

  calls(task: string, list: unknown[][], rest: Partial<RunRequest> = {}): Promise<Outcome> {
    return this.run({ task, units: encodeToString(list), count: list.length, ...rest });
  }

  /** One chunk. */
  items(task: string, items: unknown[], rest: Partial<RunRequest> = {}): Promise<Outcome> {
    return this.run({ task, kind: "items", units: encodeToString([items]), count: 1, ...rest });
  }
}

export interface Outcome {
  exit: ExecutorExit | null;
  messages: RunMessage[];
  answerMessages: Extract<RunMessage, { type: "answers" }>[];
  answers: UnitAnswer[];
  /** Value of the first unit; throws its error. */
  readonly value: unknown;
  readonly error: Error;
  text(stream: "stdout" | "stderr"): string;
}

const defaults = { attempt: 1, kind: "calls", count: 1, reportStarts: false, maxPayload: 1024 * 1024 } as const;

async function collect(
  executor: Executor,
  request: RunRequest,
  onMessage?: (message: RunMessage) => void,
): Promise<Outcome> {
  const messages: RunMessage[] = [];
  const exit = await executor.run(request, (message) => {
    messages.push(message);
    onMessage?.(message);
  });
  const answerMessages = messages.filter((message) => message.type === "answers");
  const answers = answerMessages.flatMap((message) => decode(message.answers) as UnitAnswer[]);
  for (const answer of answers) if (answer[1] === 0) answer[2] = decodeError(answer[2] as Uint8Array);
  return {
    exit,
    messages,
    answerMessages,
    answers,
    get value() {
      if (answers[0]?.[1] !== 1) throw answers[0]?.[2] ?? new Error(`no answer; exit: ${JSON.stringify(exit)}`);
      return answers[0][2];
    },
    get error() {
      if (answers[0]?.[1] !== 0)
        throw new Error(`not a failure: ${JSON.stringify(answers[0])}, exit ${JSON.stringify(exit)}`);
      return answers[0][2] as Error;
    },
    text: (stream) =>
      messages
        .filter((message) => message.type === "output" && message.stream === stream)
        .map((message) => (message.type === "output" ? message.text : ""))
        .join(""),
  };
}
