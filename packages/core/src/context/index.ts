export { type ConnectOptions, connect, DEFAULT_NAMESPACE, resolveNamespace } from "./connect.ts";
export { closeWorkerContext, currentContext, provideWorkerContext } from "./current-context.ts";
