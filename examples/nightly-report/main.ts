import { randomBytes } from "node:crypto";
import { stage, verify, verifySpread } from "../stage.ts";
import { BROKEN, type combine, PARTS, salesOf, start } from "./tasks.ts";

type Report = ReturnType<typeof combine>;

await stage(async (mp) => {
  const day = `nightly-${randomBytes(4).toString("hex")}`;
  const schedule = `${day}-schedule`;
  const mails = mp.queue<string>(`${day}-mails`);
  const done = mp.queue<number>(`${day}-parts`);

  // At three in the morning, or by hand: manyhands schedule run …
  await mp.schedules.set(schedule, start, [day], { cron: "0 3 * * *", timeZone: "Europe/Berlin", overlap: "skip" });
  const run = await mp.schedules.run(schedule);
  await mp.task(run).get({ timeout: 20_000 });
  console.log(`the schedule has submitted ${PARTS} parts, and what puts them together, as workflow ${day}`);

  const report = mp.task<Report>(day);
  const error = await report.get({ timeout: 60_000 }).catch((thrown: unknown) => thrown);
  verify(error instanceof RangeError && error.message.includes(`shop ${BROKEN}`), `part ${BROKEN} is broken: ${error}`);
  verify((await report.state()) === "failed", "nothing was put together: the report has failed");
  const text = await mails.get({ timeout: 20_000 });
  console.log(`  a mail: ${text}`);
  verify(text.includes(day) && text.includes(`shop ${BROKEN}`), "the mail says which workflow failed, and why");

  console.log("the input is repaired, and the report is retried");
  await mp.event(`${day}-repaired`).set();
  const before = (await report.tree()).steps;
  console.log(`  ${before.completed} of ${before.total} steps are done, and stay done`);
  await report.retry();
  const { shops, total, runs } = await report.get({ timeout: 60_000 });

  verify(shops.length === PARTS && shops.every((shop, index) => shop === index), `${PARTS} results came in order`);
  const expected = Array.from({ length: PARTS }, (_, shop) => salesOf(shop)).reduce((sum, sales) => sum + sales, 0);
  verify(total === expected, `the total is right: ${total}`);
  const counted = await done.qsize();
  verify(counted === PARTS, `each part was worked out once: ${counted}`);
  await verifySpread(mp, runs);
  verify((await mails.qsize()) === 0, "there was one mail");
  const { steps } = await report.tree();
  verify(steps.completed === PARTS + 1 && steps.failed === 0, `${steps.completed} steps are done, none failed`);

  await mp.schedules.remove(schedule);
  await report.remove();
  for (const queue of [mails, done]) await mp.objects.remove({ kind: "queue", name: queue.name });
  await mp.objects.remove({ kind: "event", name: `${day}-repaired` });
});
