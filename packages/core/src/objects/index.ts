export type { ObjectRuntime } from "./object-runtime.ts";
export { ownLabel, type Participant, readParticipants } from "./participant.ts";
export {
  assertSameNamespace,
  checkObjectName,
  identify,
  namedOptions,
  type ObjectIdentity,
  type ObjectReference,
  SharedObject,
} from "./shared-object.ts";
