export { type ContainerKind, type ContainerState, readContainer } from "./container-state.ts";
