export {
  announcedTasks,
  chooseHost,
  describeDelays,
  describeUnserved,
  Fleet,
  isServed,
  readHosts,
  sharedHostNames,
  slotsOf,
} from "./fleet.ts";
