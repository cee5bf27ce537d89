import { stage, takeFrom, twoHosts, verify, verifySpread } from "../stage.ts";
import { read, write } from "./tasks.ts";

const LINES = ["one", "two", "three", "four", "five", "six", "seven", "eight"];

// Python: pw = Process(target=write, args=(q,)); pr = Process(target=read, args=(q,))
//         pw.start(); pr.start(); pw.join(); pr.terminate()
await stage(async (mp) => {
  const q = mp.queue<string>();
  const seen = mp.queue<string>();
  const [left, right] = await twoHosts(mp);
  const pw = mp.process(write, { args: [q, LINES], host: left });
  const pr = mp.process(read, { args: [q, seen], host: right });
  await pw.start();
  await pr.start();
  await pw.join();
  // The writer has ended, which does not mean that the reader has read all of it.
  const lines = await takeFrom(seen, LINES.length);
  await pr.terminate();
  await pr.join();

  verify(pw.exitcode === 0, "the writer ended by itself");
  verify(pr.exitcode === -15, "the reader was terminated while it waited for more");
  verify(lines.join() === LINES.join(), "everything that was written was read, once and in order");
  await verifySpread(mp, [pw, pr]);
});
