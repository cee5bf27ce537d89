export type { DashboardOptions } from "./options.ts";
export { DEFAULT_DASHBOARD_HOST, DEFAULT_DASHBOARD_PORT } from "./options.ts";
export type { Dashboard } from "./start-dashboard.ts";
export { startDashboard } from "./start-dashboard.ts";
export type { AccessOptions, TokenOptions } from "./visitors/access-options.ts";
export type { Role } from "./visitors/roles.ts";
