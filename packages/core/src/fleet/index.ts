export { chooseHost, describeUnserved, Fleet, isServed, sharedHostNames, slotsOf } from "./fleet.ts";
