export { openBullQueue } from "./open-bull-queue.ts";
