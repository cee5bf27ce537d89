import { mostAtOnce, type Run, stage, takeFrom, verify, verifyEnds } from "../stage.ts";
import { sendMail } from "./tasks.ts";

await stage(async (mp) => {
  const sent = mp.queue<Run>();

  // Python: p = Process(target=send_mail); p.start(); p.join()
  const one = mp.process(sendMail, { args: [0, sent] });
  await one.start();
  console.log("join() waits for the end of the process");
  await one.join();
  verify(!one.isAlive() && (await sent.qsize()) === 1, "the mail had been sent when join() returned");
  await sent.get();

  // Python: for i in range(10): p = Process(target=send_mail, args=(i,)); p.start(); l.append(p)
  //         for p in l: p.join()
  const processes = Array.from({ length: 10 }, (_, number) => mp.process(sendMail, { args: [number, sent] }));
  for (const process of processes) await process.start();
  console.log(`started ${processes.map((process) => process.name).join(", ")}`);
  for (const process of processes) await process.join();
  const joined = Date.now();
  console.log("5000 mails sent");
  await verifyEnds(mp, processes);

  const runs = await takeFrom(sent, 10);
  verify(
    runs.every((run) => run.ended <= joined),
    "the message came when all mails had been sent",
  );
  verify(mostAtOnce(runs) > 1, `several were being sent at once (at most ${mostAtOnce(runs)})`);
});
