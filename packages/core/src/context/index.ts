export { type ConnectOptions, checkNamespace, connect, DEFAULT_MAX_PAYLOAD, DEFAULT_NAMESPACE } from "./connect.ts";
export { closeWorkerContext, currentContext, provideWorkerContext } from "./current-context.ts";
