export { guard } from "./guard.ts";
export { createManager, type ManagedOptions, Manager } from "./manager.ts";
export { MANAGER_KIND } from "./manager-kind.ts";
