export { containerKind } from "./container-kind.ts";
export { type ContainerKind, type ContainerState, readContainer } from "./container-state.ts";
