export { postAnswers } from "./post-answers.ts";
export { ResultChannel } from "./result-channel.ts";
export { type AnswerSink, Ticket } from "./ticket.ts";
