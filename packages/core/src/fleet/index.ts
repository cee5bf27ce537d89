export { chooseHost, describeDelays, describeUnserved, Fleet, isServed, sharedHostNames, slotsOf } from "./fleet.ts";
