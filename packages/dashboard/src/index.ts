export type { AccessOptions, TokenOptions } from "./access/access-options.ts";
export type { Role } from "./access/roles.ts";
export type { DashboardOptions } from "./options.ts";
export { DEFAULT_DASHBOARD_HOST, DEFAULT_DASHBOARD_PORT } from "./options.ts";
export type { Dashboard } from "./start-dashboard.ts";
export { startDashboard } from "./start-dashboard.ts";
