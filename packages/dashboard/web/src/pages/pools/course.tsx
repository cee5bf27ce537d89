import { queryOptions, useQuery } from "@tanstack/react-query";
import type { PoolCourseView } from "../../../../src/api/types.ts";
import { call } from "../../api/call.ts";
import { Spark } from "../../components/spark.tsx";
import { count } from "../../format/numbers.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";

/** Rows that are drawn at once are asked for together, within this time, ms. */
const COLLECT = 20;
const MOST_AT_ONCE = 100;

interface Waiting {
  resolve: (course: PoolCourseView) => void;
  reject: (error: unknown) => void;
}

const waiting = new Map<string, Waiting[]>();

/** The minutes of one pool in the last hour; those of pools that are asked for at once come with one request. */
export function courseOf(pool: string) {
  return queryOptions({
    queryKey: ["/pool-courses", pool] as const,
    queryFn: () =>
      new Promise<PoolCourseView>((resolve, reject) => {
        if (waiting.size === 0) setTimeout(askForAll, COLLECT);
        waiting.set(pool, [...(waiting.get(pool) ?? []), { resolve, reject }]);
      }),
    // Minutes change once a minute: a change of a pool asks for no new ones.
    staleTime: 30_000,
    ...every(30_000),
  });
}

function askForAll(): void {
  const asked = [...waiting.entries()];
  waiting.clear();
  for (let from = 0; from < asked.length; from += MOST_AT_ONCE) {
    const some = asked.slice(from, from + MOST_AT_ONCE);
    const query = some.map(([pool]) => `pool=${encodeURIComponent(pool)}`).join("&");
    call<{ courses: PoolCourseView[] }>(`/pool-courses?${query}`).then(
      ({ courses }) => {
        for (const [index, [, all]] of some.entries()) {
          const course = courses[index];
          for (const one of all) if (course) one.resolve(course);
        }
      },
      (error) => {
        for (const [, all] of some) for (const one of all) one.reject(error);
      },
    );
  }
}

/** What ended in a pool in each minute of the last hour. */
export function CourseSpark({ pool }: { pool: string }) {
  const { pools: said } = useWords();
  const { data } = useQuery(courseOf(pool));
  if (!data) return <span className="spark-space" />;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const [completed, failed] = [sum(data.completed), sum(data.failed)];
  const ended = data.completed.map((number, index) => number + (data.failed[index] ?? 0));
  return (
    <Spark
      values={failed > completed ? data.failed : ended}
      bad={failed > completed}
      label={said.endedEach(pool, count(completed), count(failed))}
    />
  );
}
