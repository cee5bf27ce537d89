export type { MountedDashboard } from "./create-dashboard.ts";
export { createDashboard } from "./create-dashboard.ts";
export type { CreateDashboardOptions, DashboardOptions } from "./options.ts";
export { DEFAULT_DASHBOARD_HOST, DEFAULT_DASHBOARD_PORT } from "./options.ts";
export type { Dashboard } from "./start-dashboard.ts";
export { startDashboard } from "./start-dashboard.ts";
export type { AccessOptions, Admission, Authorize, TokenOptions } from "./visitors/access-options.ts";
export type { Role } from "./visitors/roles.ts";
