/** Outcome of one check. A problem breaks a promise or keeps work from being done; a warning may be meant so. */
export interface Finding {
  check: string;
  status: "ok" | "warning" | "problem";
  finding: string;
  /** Empty when all is well. */
  advice: string;
}

export function ok(check: string, finding: string): Finding {
  return { check, status: "ok", finding, advice: "" };
}
