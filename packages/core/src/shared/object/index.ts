export { countedMaker, type Maker, NAME, namedMaker, PATIENCE_TEXT } from "./call-forms.ts";
export { type Holding, type ObjectReading, withoutHolders } from "./object-reading.ts";
export { type ObjectRuntime, onePerKey, RuntimeKey } from "./object-runtime.ts";
export { ownLabel, type Participant, readParticipants } from "./participant.ts";
export type { AnyKind, MethodUse, ObjectReader, SharedKind } from "./shared-kind.ts";
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
