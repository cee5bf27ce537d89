import { createRequire } from "node:module";
import { ManyhandsError } from "../errors/index.ts";
import { offerWorkerStarter } from "../process/process-starter.ts";
import { shared } from "../tasks/task-registry.ts";
import { type ConnectOptions, toSettings } from "./connect.ts";
import type { Context } from "./context.ts";

const worker: { options: ConnectOptions | undefined; context: Context | undefined } = shared(
  "manyhands.workerContext",
  () => ({ options: undefined, context: undefined }),
);

/** Says what {@link currentContext} connects with. For worker hosts. */
export function provideWorkerContext(options: ConnectOptions): void {
  worker.options = options;
  offerWorkerStarter(() => currentContext().processStarter);
}

/**
 * The context of the worker that runs the calling task: same Redis, same namespace. Connects with the first call that
 * needs Redis, and is shared by all tasks of the child.
 * @throws ManyhandsError outside a worker
 */
export function currentContext(): Context {
  if (!worker.options) {
    throw new ManyhandsError("currentContext() was called outside a worker; in a program of your own use connect()");
  }
  worker.context ??= loadContext().Context.attach(toSettings(worker.options));
  return worker.context;
}

/** Closes what {@link currentContext} connected, if anything did. For a child or host that ends in order. */
export async function closeWorkerContext(): Promise<void> {
  const { context } = worker;
  worker.context = undefined;
  await context?.close();
}

/** Loaded at the first call and not with this file, so that a child that never asks does not load the Redis clients. */
function loadContext(): typeof import("./context.ts") {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return createRequire(import.meta.url)(`./context.${extension}`) as typeof import("./context.ts");
}
