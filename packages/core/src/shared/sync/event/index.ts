export { createEvent, Event, type EventOptions, type EventState, readEvent } from "./event.ts";
export { EVENT_KIND } from "./event-scripts.ts";
