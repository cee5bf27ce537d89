export { describeUnserved, Fleet, isServed, slotsOf } from "./fleet.ts";
