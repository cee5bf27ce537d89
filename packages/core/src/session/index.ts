export { type Beat, Heart } from "./beat.ts";
export { KeepAlive, unreferenceSocket } from "./keep-alive.ts";
export type { ObjectKind } from "./object-kind.ts";
export { OnceScript, Operations } from "./operations.ts";
export { DEFAULT_LEASE, Session, trustedUntil } from "./session.ts";
export { REGISTER, SERVER_TIME, WAKE_UP } from "./session-script.ts";
