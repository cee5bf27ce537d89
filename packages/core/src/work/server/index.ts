export { type ClientRole, readClients } from "./clients.ts";
export { type Allowed, ifAllowed } from "./if-allowed.ts";
export { MEMORY_KINDS, type MemoryKind, type MemorySample, sampleMemory } from "./memory-sample.ts";
export { readServerFacts, type ServerFacts } from "./server-facts.ts";
export { noteServer, readServerTrend, SERVER_INTERVAL, type ServerPoint } from "./server-trend.ts";
export { type ServerWarning, serverWarnings } from "./server-warnings.ts";
export { readSlowCommands, type SlowCommand } from "./slow-commands.ts";
