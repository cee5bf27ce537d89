export type { AuditActor, AuditEntry, AuditedChange, AuditOutcome } from "./audit-entry.ts";
export { type AuditEndings, type AuditResult, AuditTrail, type AuditTrailOptions } from "./audit-trail.ts";
export { type AuditPage, type AuditQuery, readAudit } from "./read-audit.ts";
