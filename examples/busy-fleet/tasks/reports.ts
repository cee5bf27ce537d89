import { currentContext, currentTask, registerError, task } from "@manyhands/core";
import { sleep } from "../../stage.ts";
import { ask } from "../addresses.ts";

/** A query that the database did not finish. */
export class QueryError extends Error {
  override name = "QueryError";
}
registerError(QueryError);

interface Answer {
  rows?: { sku: string; moved: number }[];
  error?: string;
  code?: string;
}

const PAGES = 8;

/** Adds up what moved in one warehouse on a day, page by page. */
export const partition = task(
  "report.partition",
  async (day: Date, warehouse: string, options: { part: number }) => {
    const { progress, log } = currentTask();
    console.log(`partition ${day.toISOString().slice(0, 10)} / ${warehouse}, part ${options.part}`);
    let moved = 0;
    for (let page = 1; page <= PAGES; page += 1) {
      const rows = await readPage(warehouse, page);
      moved += rows.reduce((sum, row) => sum + row.moved, 0);
      progress({ page, of: PAGES });
      log(`page ${page} of ${PAGES}: ${rows.length} rows`);
      if (page === 5) console.error(`page ${page} took longer than expected`);
    }
    return { warehouse, moved };
  },
  { attempts: 2, backoff: 20_000, timeout: 15_000 },
);

async function readPage(warehouse: string, page: number): Promise<{ moved: number }[]> {
  const answer = (await (await ask(`/partitions/${warehouse}/${page}`)).json()) as Answer;
  if (answer.rows) return answer.rows;
  const cause = new Error(`${answer.code} after 10 000 ms, in select sku, moved from stock_moves`);
  cause.name = "DatabaseError";
  throw new QueryError(answer.error, { cause });
}

/** Adds up the parts of a report. */
export const addUp = task("report.total", (parts: { moved: number }[]) =>
  parts.reduce((sum, { moved }) => sum + moved, 0),
);

/** Draws a report with a renderer that does not survive its size. */
export const render = task("report.render", async (day: string, format: string) => {
  currentTask().log(`renders ${day} as ${format}`);
  await sleep(100);
  if (format === "pdf") process.kill(process.pid, "SIGKILL");
  return `${day}.${format}`;
});

/** Adds up a week, and keeps all others from it meanwhile. Takes hours, nearly all of them waiting. */
export const weekly = task("report.weekly", async (week: number) => {
  const { progress, log, signal } = currentTask();
  await using _weekly = await currentContext().lock("reports/weekly").hold({ signal });
  const steps = 1_000;
  for (let step = 1; step <= steps && !signal.aborted; step += 1) {
    progress(Math.floor((100 * step) / steps));
    log(`week ${week}, step ${step}: ${Math.round(process.memoryUsage.rss() / 1_048_576)} MiB`);
    await sleep(step < 10 ? 100 : 10_000);
  }
  return week;
});
