import type { AttentionFinding } from "@manyhands/core/internal";
import type { Finding } from "./finding-schemas.ts";
import type { z } from "./open-api.ts";

type Shown = z.infer<typeof Finding>;
type Action = Shown["actions"][number];

/** A finding with what can be done about it, the most likely first. */
export function withActions(finding: AttentionFinding): Shown {
  return { ...finding, actions: actionsOf(finding) } as Shown;
}

function actionsOf(finding: AttentionFinding): Action[] {
  switch (finding.kind) {
    case "no-host":
      return [{ kind: "start-host", pool: null }];
    case "host-quiet":
      return [{ kind: "resume-host", host: finding.host }, seeHost(finding.host)];
    case "host-draining": {
      const stop: Action[] = finding.canResume ? [{ kind: "stop-drain", host: finding.host }] : [];
      return [...stop, seeHost(finding.host)];
    }
    case "host-deaf":
    case "host-trouble":
    case "host-clock":
      return [seeHost(finding.host)];
    case "host-lost":
    case "host-names":
      return [];
    case "pool-failed":
      return [{ kind: "reset-pool", pool: finding.pool }, seePool(finding.pool)];
    case "pool-terminated":
      return [{ kind: "remove-pool", pool: finding.pool }, seePool(finding.pool)];
    case "pool-paused":
      return [{ kind: "resume-pool", pool: finding.pool }, seePool(finding.pool)];
    case "pool-size":
    case "pool-full":
    case "pool-stuck":
    case "queue-grows":
      return [seePool(finding.pool)];
    case "pool-unserved":
    case "task-unserved": {
      const quiet = finding.knowing.filter(({ state }) => state === "quiet");
      return [
        ...quiet.slice(0, 1).map(({ id, name }): Action => ({ kind: "resume-host", host: { id, name } })),
        { kind: "start-host", pool: finding.pool },
        { kind: "see-tasks", pool: finding.pool, task: finding.task, state: "blocked" },
      ];
    }
    case "deadlock":
      return [...wayOut(finding), { kind: "see-waits" }];
    case "lock-held":
      return [...release(finding.holder, finding.object), { kind: "see-object", object: finding.object }];
    case "task-fails": {
      const [pool] = finding.pools;
      const pause: Action[] =
        finding.level === "now" && pool !== undefined && finding.pools.length === 1
          ? [{ kind: "pause-pool", pool }]
          : [];
      return [...pause, { kind: "see-failure", group: finding.group }];
    }
    case "schedule-late":
      return [{ kind: "see-schedules" }];
    case "sessions-left":
      return [{ kind: "see-waits" }];
    case "dead-letters":
      return [{ kind: "see-dead-letters" }];
    default:
      return [{ kind: "see-redis" }];
  }
}

/** The one that came last has done the least, and what it holds is what another waits for. */
function wayOut({ waits }: Extract<AttentionFinding, { kind: "deadlock" }>): Action[] {
  const last = waits.findLast(({ waiter }) => waiter.task !== null) ?? waits.at(-1);
  if (!last) return [];
  const held = waits.find(({ holder }) => holder.session === last.waiter.session)?.object ?? last.object;
  return release(last.waiter, held);
}

/** A task is cancelled and runs again; from a program the object is taken. */
function release(
  { task, host, session }: Extract<AttentionFinding, { kind: "lock-held" }>["holder"],
  object: { kind: string; name: string },
): Action[] {
  if (task) return [{ kind: "cancel-and-retry", task: task.name, id: task.id, host }];
  return [{ kind: "release", object, session }];
}

function seeHost(host: { id: string; name: string }): Action {
  return { kind: "see-host", host };
}

function seePool(pool: string): Action {
  return { kind: "see-pool", pool };
}
