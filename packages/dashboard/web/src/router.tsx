import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Link,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { BASE } from "./base.ts";
import { PageHead, Trouble } from "./components/page.tsx";
import { AppFrame } from "./frame/app-frame.tsx";
import { hostSearch, hostsSearch } from "./pages/hosts/host-search.ts";
import { poolsSearch } from "./pages/pools/pool-search.ts";
import { processesSearch } from "./pages/processes/process-search.ts";
import { scheduleSearch } from "./pages/schedules/schedule-search.ts";
import { workflowSearch } from "./pages/workflows/workflow-search.ts";
import { failureSearch, overviewSearch } from "./router-search.ts";
import { useWords } from "./words/index.ts";

const root = createRootRoute({ component: AppFrame, notFoundComponent: NoSuchPage, errorComponent: BrokenPage });

/** The filters of a list of tasks, as they stand in the address. */
export interface TaskSearch {
  pool?: string;
  state?: string;
  task?: string;
  host?: string;
  tag?: string;
  /** Id of a workflow. */
  workflow?: string;
  since?: string;
  until?: string;
  error?: string;
  text?: string;
  /** `newest`, `oldest` or `finished`. */
  sort?: string;
}

const TASK_FILTERS = [
  ...(["pool", "state", "task", "host", "tag", "workflow", "since", "until", "error", "text"] as const),
  "sort",
] as const;

function taskSearch(search: Record<string, unknown>): TaskSearch {
  return Object.fromEntries(
    TASK_FILTERS.flatMap((name) => {
      const value = search[name];
      return value === undefined || value === null || value === "" ? [] : [[name, String(value)]];
    }),
  );
}

/** Which objects are listed, and which one is open, as "<kind>/<name>". */
export interface ObjectSearch {
  kind?: string;
  text?: string;
  object?: string;
}

function objectSearch(search: Record<string, unknown>): ObjectSearch {
  const { object, ...filters } = Object.fromEntries(
    (["kind", "text", "object"] as const).flatMap((name) => {
      const value = search[name];
      return value === undefined || value === null || value === "" ? [] : [[name, String(value)]];
    }),
  );
  return { ...filters, ...(object !== undefined && /^[^/]+\/./s.test(object) && { object }) };
}

const inPool = (search: Record<string, unknown>): { pool?: string } =>
  search["pool"] === undefined ? {} : { pool: String(search["pool"]) };

const tree = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: "/",
    validateSearch: overviewSearch,
    component: lazyRouteComponent(() => import("./pages/overview/overview-page.tsx"), "OverviewPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/failures",
    validateSearch: failureSearch,
    component: lazyRouteComponent(() => import("./pages/failures/failures-page.tsx"), "FailuresPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tasks",
    validateSearch: taskSearch,
    component: lazyRouteComponent(() => import("./pages/tasks/tasks-page.tsx"), "TasksPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tasks/$id",
    validateSearch: inPool,
    component: lazyRouteComponent(() => import("./pages/tasks/task-page.tsx"), "TaskPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/dead-letters",
    validateSearch: taskSearch,
    component: lazyRouteComponent(() => import("./pages/tasks/dead-letters-page.tsx"), "DeadLettersPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/pools",
    validateSearch: poolsSearch,
    component: lazyRouteComponent(() => import("./pages/pools/pools-page.tsx"), "PoolsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/pools/$name",
    component: lazyRouteComponent(() => import("./pages/pools/pool-page.tsx"), "PoolPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/hosts",
    validateSearch: hostsSearch,
    component: lazyRouteComponent(() => import("./pages/hosts/hosts-page.tsx"), "HostsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/hosts/$id",
    validateSearch: hostSearch,
    component: lazyRouteComponent(() => import("./pages/hosts/host-page.tsx"), "HostPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/processes",
    validateSearch: processesSearch,
    component: lazyRouteComponent(() => import("./pages/processes/processes-page.tsx"), "ProcessesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/objects",
    validateSearch: objectSearch,
    component: lazyRouteComponent(() => import("./pages/objects/objects-page.tsx"), "ObjectsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/schedules",
    validateSearch: scheduleSearch,
    component: lazyRouteComponent(() => import("./pages/schedules/schedules-page.tsx"), "SchedulesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/workflows",
    validateSearch: workflowSearch,
    component: lazyRouteComponent(() => import("./pages/workflows/workflows-page.tsx"), "WorkflowsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/workflows/$id",
    component: lazyRouteComponent(() => import("./pages/workflows/workflow-page.tsx"), "WorkflowPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/redis",
    component: lazyRouteComponent(() => import("./pages/redis/redis-page.tsx"), "RedisPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/audit",
    component: lazyRouteComponent(() => import("./pages/audit/audit-page.tsx"), "AuditPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/settings",
    component: lazyRouteComponent(() => import("./pages/settings/settings-page.tsx"), "SettingsPage"),
  }),
]);

export const router = createRouter({
  routeTree: tree,
  basepath: BASE,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NoSuchPage() {
  const { frame } = useWords();
  return (
    <>
      <PageHead title={frame.noSuchPage} tab={frame.noSuchPage} lead={frame.noSuchPageHint} />
      <p>
        <Link to="/">{frame.toOverview}</Link>
      </p>
    </>
  );
}

function BrokenPage({ error, reset }: ErrorComponentProps) {
  const { frame } = useWords();
  return (
    <>
      <PageHead title={frame.broken} tab={frame.broken} />
      <Trouble error={error instanceof Error ? error : new Error(String(error))} again={reset} />
    </>
  );
}
