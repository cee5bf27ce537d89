export { type ErrorClass, errorClassOf, plainName, registerError, wireNameOf } from "./error-classes.ts";
export * from "./errors.ts";
export { type FailureSummary, failureSummary, thrownMessage } from "./failure-summary.ts";
export { got } from "./got.ts";
export { nearNames } from "./near-names.ts";
export { closedWhileWaiting, markOwnEnding, resultPromise, spareDiscarded } from "./own-ending.ts";
export { plural } from "./plural.ts";
export { addAwaitSite, markItem, markRemote, originOf, type RemoteOrigin } from "./remote-origin.ts";
