export { Heart } from "./beat.ts";
export { MAX_LEASE } from "./lease.ts";
export { kindsTable, type ObjectKind } from "./object-kind.ts";
export { Session, trustedUntil } from "./session.ts";
export { CLAIM_TIME, CLAIM_WINDOW, REGISTER, SERVER_TIME, WAKE_UP } from "./session-script.ts";
