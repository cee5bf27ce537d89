/** What the API says when it does not do what was asked (RFC 9457); or why it could not be asked. */
export class ApiProblem extends Error {
  override name = "ApiProblem";
  /** The status of the answer; 0 when there was none. */
  readonly status: number;
  /** Why an action was not done, in one word. */
  readonly outcome: string | undefined;
  /** What is wrong with each part of the request. */
  readonly errors: readonly { path: string; message: string }[];

  /** Pools that have a task of an id that several things have; empty when that is not what is wrong. */
  readonly pools: readonly string[];
  /** Whether a workflow has that id, too. */
  readonly isOfWorkflow: boolean;

  constructor(status: number, detail: string, more: Partial<Record<keyof ApiProblem, unknown>> = {}) {
    super(detail);
    this.status = status;
    this.outcome = typeof more.outcome === "string" ? more.outcome : undefined;
    this.errors = Array.isArray(more.errors) ? more.errors : [];
    this.pools = Array.isArray(more.pools) ? more.pools : [];
    this.isOfWorkflow = more.isOfWorkflow === true;
  }
}
