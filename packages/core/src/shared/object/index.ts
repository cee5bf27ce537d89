export type { ObjectRuntime } from "./object-runtime.ts";
export { ownLabel, type Participant, readParticipants } from "./participant.ts";
export {
  assertSameNamespace,
  checkObjectName,
  identify,
  isOver,
  namedOptions,
  namePart,
  type ObjectIdentity,
  type ObjectReference,
  SharedObject,
  textOfNamePart,
} from "./shared-object.ts";
