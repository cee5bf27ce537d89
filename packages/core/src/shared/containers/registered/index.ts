export {
  createRegistered,
  type RegisteredObject,
  type RegisteredProxy,
  type RemoteMethods,
} from "./registered.ts";
export { REGISTERED_KIND } from "./registered-kind.ts";
export { type Maker, type RegisterOptions, registerType } from "./registered-types.ts";
