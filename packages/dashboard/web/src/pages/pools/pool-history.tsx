import { useQuery } from "@tanstack/react-query";
import { Spark } from "../../components/spark.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";
import { courseOf } from "./course.tsx";

/** What ended in the pool in each minute of the last hour. */
export function PoolHistory({ pool }: { pool: string }) {
  const { pools: said } = useWords();
  const { data } = useQuery(courseOf(pool));
  const sum = (numbers: readonly number[] = []): number => numbers.reduce((total, number) => total + number, 0);
  return (
    <section className="card">
      <header>
        <h2>{said.history}</h2>
      </header>
      <div className="body">
        <Spark
          isBroad
          values={data?.completed ?? []}
          label={said.endedEach(pool, count(sum(data?.completed)), count(sum(data?.failed)))}
        />
      </div>
    </section>
  );
}
