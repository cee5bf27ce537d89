export { ResultChannel } from "./result-channel.ts";
export { StoredAnswers } from "./stored-answers.ts";
export { type AnswerSink, failed, type Outcome, Ticket } from "./ticket.ts";
