import {
  type AuditEndings,
  type AuditedChange,
  type AuditPage,
  type AuditQuery,
  type AuditTrail,
  readAudit,
} from "../work/audit/index.ts";
import type { InspectorPlace } from "./place.ts";

/** Reads the audit log, and writes what is changed elsewhere than through the inspector. */
export class AuditInspector {
  readonly #place: InspectorPlace;
  readonly #trail: AuditTrail | null;

  /** @internal */
  constructor(place: InspectorPlace, trail: AuditTrail | null) {
    this.#place = place;
    this.#trail = trail;
  }

  /**
   * A page of the audit log, the latest first.
   * @throws ValueError for a cursor, limit or time that there is not
   */
  find(query: AuditQuery = {}): Promise<AuditPage> {
    return this.#place.during(() => readAudit(this.#place.client, this.#place.keys, query));
  }

  /** Makes a change, and notes it where changes are noted. */
  record<Answer>(change: AuditedChange, make: () => Promise<Answer>, endings?: AuditEndings<Answer>): Promise<Answer> {
    return this.#trail === null ? make() : this.#trail.record(change, make, endings);
  }
}
