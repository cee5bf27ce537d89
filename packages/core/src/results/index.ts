export { ResultChannel } from "./result-channel.ts";
export { type AnswerSink, failed, type Outcome, Ticket } from "./ticket.ts";
