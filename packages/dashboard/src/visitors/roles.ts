/** What a visitor may be, each with all rights of the ones before it. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export function isRole(word: unknown): word is Role {
  return ROLES.includes(word as Role);
}

export function hasRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** What can be done, the least role that may do it, and how a refusal names it. */
export const ACTIONS = {
  read: { role: "viewer", changes: false, words: "look at anything" },
  readAudit: { role: "operator", changes: false, words: "read the audit log" },
  submit: { role: "operator", changes: true, words: "submit tasks" },
  cancel: { role: "operator", changes: true, words: "cancel tasks" },
  retry: { role: "operator", changes: true, words: "retry tasks" },
  promote: { role: "operator", changes: true, words: "promote tasks" },
  changeTask: { role: "operator", changes: true, words: "change tasks" },
  removeTask: { role: "operator", changes: true, words: "remove tasks" },
  actOnMany: { role: "operator", changes: true, words: "do something to many tasks" },
  createPool: { role: "operator", changes: true, words: "make pools" },
  changePool: { role: "operator", changes: true, words: "pause, resume, resize or limit pools" },
  resetPool: { role: "operator", changes: true, words: "reset pools" },
  drainPool: { role: "operator", changes: true, words: "remove the tasks that wait in pools" },
  removePool: { role: "admin", changes: true, words: "remove pools" },
  steerHost: { role: "operator", changes: true, words: "quiet, resume, drain or resize hosts" },
  endProcess: { role: "admin", changes: true, words: "end processes" },
  releaseObject: { role: "operator", changes: true, words: "release shared objects" },
  removeObject: { role: "admin", changes: true, words: "remove shared objects" },
  changeSchedule: { role: "operator", changes: true, words: "set, pause, resume or run schedules" },
  removeSchedule: { role: "admin", changes: true, words: "remove schedules" },
  changeWorkflow: { role: "operator", changes: true, words: "cancel or retry workflows" },
  removeWorkflow: { role: "admin", changes: true, words: "remove workflows" },
  signOut: { role: "viewer", changes: false, words: "sign out" },
  bullBoard: { role: "admin", changes: true, words: "change something in Bull Board" },
  /** What no line below names. */
  unlisted: { role: "admin", changes: true, words: "do this" },
} as const satisfies Record<string, { role: Role; changes: boolean; words: string }>;

export type Action = keyof typeof ACTIONS;

/**
 * What each route of the API does. One that is missing here is for admins only; a test compares this with the OpenAPI
 * document, so that none is.
 */
export const API_ROUTES: Readonly<Record<string, Action>> = {
  "GET /openapi.json": "read",
  "GET /rates": "read",
  "GET /overview": "read",
  "GET /overview/counts": "read",
  "GET /failures": "read",
  "GET /failures/{group}": "read",
  "GET /me": "read",
  "GET /events": "read",
  "POST /sign-out": "signOut",
  "GET /audit": "readAudit",
  "GET /redis": "read",
  "GET /redis/trend": "read",
  "GET /tasks": "read",
  "GET /task-count": "read",
  "POST /task-actions/{action}": "actOnMany",
  "POST /tasks": "submit",
  "GET /tasks/{id}": "read",
  "PATCH /tasks/{id}": "changeTask",
  "DELETE /tasks/{id}": "removeTask",
  "GET /tasks/{id}/log": "read",
  "GET /tasks/{id}/lines": "read",
  "GET /tasks/{id}/value": "read",
  "GET /tasks/{id}/causes": "read",
  "GET /tasks/{id}/related": "read",
  "GET /tasks/{id}/raw": "read",
  "GET /facets": "read",
  "POST /tasks/{id}/cancel": "cancel",
  "POST /tasks/{id}/retry": "retry",
  "POST /tasks/{id}/promote": "promote",
  "GET /pools": "read",
  "POST /pools": "createPool",
  "GET /pools/{name}": "read",
  "PATCH /pools/{name}": "changePool",
  "DELETE /pools/{name}": "removePool",
  "POST /pools/{name}/reset": "resetPool",
  "GET /pools/{name}/limits": "read",
  "GET /pools/{name}/next": "read",
  "POST /pools/{name}/drain": "drainPool",
  "GET /pool-courses": "read",
  "GET /pool-rates": "read",
  "GET /known-tasks": "read",
  "GET /hosts": "read",
  "GET /hosts/{id}/log": "read",
  "GET /hosts/{id}": "read",
  "PATCH /hosts/{id}": "steerHost",
  "POST /hosts/{id}/quiet": "steerHost",
  "POST /hosts/{id}/resume": "steerHost",
  "POST /hosts/{id}/drain": "steerHost",
  "GET /processes": "read",
  "GET /processes/{id}": "read",
  "POST /processes/{id}/terminate": "endProcess",
  "POST /processes/{id}/kill": "endProcess",
  "GET /objects": "read",
  "GET /objects/{kind}/{name}": "read",
  "GET /objects/{kind}/{name}/contents": "read",
  "GET /wait-graph": "read",
  "POST /objects/{kind}/{name}/release": "releaseObject",
  "DELETE /objects/{kind}/{name}": "removeObject",
  "GET /schedules": "read",
  "GET /schedules/{name}": "read",
  "GET /schedules/{name}/next": "read",
  "PUT /schedules/{name}": "changeSchedule",
  "POST /schedules/{name}/pause": "changeSchedule",
  "POST /schedules/{name}/resume": "changeSchedule",
  "POST /schedules/{name}/run": "changeSchedule",
  "DELETE /schedules/{name}": "removeSchedule",
  "GET /workflows": "read",
  "GET /workflows/{id}": "read",
  "GET /workflows/{id}/parts": "read",
  "POST /workflows/{id}/cancel": "changeWorkflow",
  "POST /workflows/{id}/retry": "changeWorkflow",
  "DELETE /workflows/{id}": "removeWorkflow",
};
