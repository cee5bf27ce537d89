export { KeepAlive, unreferenceSocket } from "./keep-alive.ts";
export { DEFAULT_LEASE, Session } from "./session.ts";
