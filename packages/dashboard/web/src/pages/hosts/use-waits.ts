import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { HostView, WaitGraph } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";

/** A shared object that a task waits for. */
export interface Wait {
  kind: string;
  name: string;
}

/** By id of a task that runs: the shared object that it waits for. */
export type Waits = ReadonlyMap<string, Wait>;

/** What tasks wait for, as the wait graph has it. */
export function useWaits(): Waits {
  const { data } = useQuery(reading<WaitGraph>("/wait-graph", { topics: ["objects"], every: 2_000 }));
  return useMemo(() => {
    const tasks = new Map(data?.participants.map(({ id, task }) => [id, task?.id]));
    const objects = new Map(data?.objects.map(({ id, kind, name }) => [id, { kind, name }]));
    return new Map(
      data?.waits.flatMap(({ participant, object }) => {
        const [task, wait] = [tasks.get(participant), objects.get(object)];
        return task === undefined || wait === undefined ? [] : [[jobOf(task), wait] as const];
      }),
    );
  }, [data]);
}

/** How many of the running tasks of a host wait. */
export function waitsOn({ running }: HostView, waits: Waits): number {
  return running.filter(({ jobId }) => waits.has(jobId)).length;
}

/** One call of a task that holds several is named after it. */
function jobOf(id: string): string {
  return id.replace(/\.\d+$/, "");
}
