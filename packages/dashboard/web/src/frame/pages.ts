import type { IconName } from "../components/icon.tsx";
import type { Words } from "../words/index.ts";

export interface PageEntry {
  to: "/" | `/${string}`;
  name: keyof Words["frame"] & string;
  icon: IconName;
  /** The second key after `g`. */
  key?: string;
  /** Whether a line stands above it at the side. */
  beginsGroup?: boolean;
}

/** The pages, in the order of the side. */
export const PAGES = [
  { to: "/", name: "overview", icon: "overview", key: "o" },
  { to: "/failures", name: "failures", icon: "failures", key: "f" },
  { to: "/tasks", name: "tasks", icon: "tasks", key: "t" },
  { to: "/dead-letters", name: "deadLetters", icon: "deadLetters" },
  { to: "/pools", name: "pools", icon: "pools", key: "p", beginsGroup: true },
  { to: "/hosts", name: "hosts", icon: "hosts", key: "h" },
  { to: "/processes", name: "processes", icon: "processes" },
  { to: "/objects", name: "objects", icon: "lock", key: "l" },
  { to: "/schedules", name: "schedules", icon: "schedules", key: "s", beginsGroup: true },
  { to: "/workflows", name: "workflows", icon: "workflows", key: "w" },
  { to: "/redis", name: "redis", icon: "redis", key: "r", beginsGroup: true },
  { to: "/audit", name: "audit", icon: "audit" },
  { to: "/settings", name: "settings", icon: "settings" },
] as const satisfies readonly PageEntry[];
