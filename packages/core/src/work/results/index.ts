export { followJob } from "./follow-job.ts";
export { type ItemOutcome, itemOutcome, markItemOf } from "./item-outcome.ts";
export { ResultChannel } from "./result-channel.ts";
export { StoredAnswers } from "./stored-answers.ts";
export { type AnswerSink, failed, type Outcome, Ticket } from "./ticket.ts";
export { waitForOutcome } from "./wait-for-outcome.ts";
