import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ManyhandsError, SerializationError } from "../errors/index.ts";
import { packageFile, shared } from "../package/index.ts";
import { provideOpener } from "../shared/object/transfer.ts";
import { offerWorkerStarter } from "../work/process/process-starter.ts";
import { type ConnectOptions, toSettings } from "./connect.ts";
import type { Context } from "./context.ts";
import { findOpenContext } from "./open-contexts.ts";

interface WorkerContext {
  options: ConnectOptions | undefined;
  /** Name of the worker host. */
  host: string | null;
  context: Context | undefined;
}

const worker: WorkerContext = shared("manyhands.workerContext", () => ({
  options: undefined,
  host: null,
  context: undefined,
}));

/** Says what {@link currentContext} connects with, and the name of the host. For worker hosts. */
export function provideWorkerContext(options: ConnectOptions, host: string | null = null): void {
  worker.options = options;
  offerWorkerStarter(() => currentContext().processStarter);
  worker.host = host;
}

// A shared object that arrives belongs to the context of its namespace.
provideOpener((reference) => contextOf(reference.namespace).openObject(reference));

function contextOf(namespace: string): Context {
  if (worker.options && toSettings(worker.options).namespace === namespace) return currentContext();
  const context = findOpenContext(namespace);
  if (context) return context;
  throw new SerializationError(
    `a shared object of the namespace "${namespace}" arrived, to which this process is not connected; connect() to it first`,
    { path: "value" },
  );
}

/**
 * The context of the worker that runs the calling task: same Redis, same namespace. Connects with the first call that
 * needs Redis, and is shared by all tasks of the child; after a task has closed it, the next call connects anew.
 * @throws ManyhandsError outside a worker
 */
export function currentContext(): Context {
  if (!worker.options) {
    throw new ManyhandsError("currentContext() was called outside a worker; in a program of your own use connect()");
  }
  if (worker.context?.isClosed) worker.context = undefined;
  worker.context ??= loadContext().Context.attach(toSettings(worker.options), worker.host);
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
  const path = fileURLToPath(packageFile(import.meta.url, "context/context"));
  return createRequire(import.meta.url)(path) as typeof import("./context.ts");
}
