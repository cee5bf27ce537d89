export { createEvent, Event, type EventOptions, type EventState } from "./event.ts";
export { EVENT_KIND } from "./event-kind.ts";
