import { chord, currentContext, currentTask, type FailedWorkflow, group, signature, task } from "@manyhands/core";
import { noted, type Run, sleep } from "../stage.ts";

export const PARTS = 200;
/** The part whose input is broken. */
export const BROKEN = 137;

/** One part of the report: sales of one shop. */
export interface Part extends Run {
  shop: number;
  sales: number;
}

export function salesOf(shop: number): number {
  return (shop * 7_919) % 1_000;
}

/** Reads the sales of one shop; fails while the input of that shop is broken. */
export const part = task("nightly-report.part", async (day: string, shop: number): Promise<Part> => {
  const mp = currentContext();
  const run = await noted(async () => {
    await sleep(5);
    if (shop === BROKEN && !(await mp.event(`${day}-repaired`).isSet())) {
      throw new RangeError(`the sales of shop ${shop} on ${day} end in the middle of a line`);
    }
    return salesOf(shop);
  });
  // What the program verifies: each part was worked out once.
  await mp.queue<number>(`${day}-parts`).put(shop);
  const { value, ...where } = run;
  return { shop, sales: value, ...where };
});

/** Puts the parts together. */
export const combine = task("nightly-report.combine", (parts: Part[], day: string) => ({
  day,
  shops: parts.map(({ shop }) => shop),
  total: parts.reduce((sum, { sales }) => sum + sales, 0),
  runs: parts.map(({ host, pid }) => ({ host, pid })),
}));

/** Sends a mail when the report fails. The mail goes into a queue here. */
export const mail = task("nightly-report.mail", async ({ id, step, error }: FailedWorkflow) => {
  await currentContext().queue<string>(`${id}-mails`).put(`${id} failed in ${step}: ${error}`);
});

/** What the schedule runs: submits the report of one day. A second run finds the workflow instead of submitting it again. */
export const start = task("nightly-report.start", async (day: string) => {
  const parts = Array.from({ length: PARTS }, (_, shop) => signature(part, [day, shop], { attempts: 2 }));
  const workflow = chord(group(parts), combine.with(day));
  const handle = await currentTask().submit(workflow, { jobId: day, tags: ["nightly-report"], onError: mail });
  return handle.id;
});
