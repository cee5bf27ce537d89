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
export {
  GONE_HOSTS_KEPT,
  type GoneHost,
  NOTE_GONE,
  noteHowGone,
  noteVanishedHosts,
  readGoneHosts,
} from "./gone-hosts.ts";
export { type HostLogLine, type HostLogLines, type HostLogQuery, keepHostLog, readHostLog } from "./host-log.ts";
export { type KnownTask, readKnownTasks } from "./known-tasks.ts";
