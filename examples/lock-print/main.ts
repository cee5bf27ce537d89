import { stage, twoHosts, verify, verifyEnds } from "../stage.ts";
import { greet, WORDS } from "./tasks.ts";

const isLocked = !process.argv.includes("--no-lock");

// Python: lock = Lock(); for num in range(5): Process(target=f, args=(lock, num)).start()
await stage(async (mp) => {
  const lock = isLocked ? mp.lock() : null;
  // One screen for processes on any number of machines.
  const screen = mp.manager().list<string>();
  const [left, right] = await twoHosts(mp);
  const processes = [left, right, left, right, left].map((host, number) =>
    mp.process(greet, { args: [lock, number, screen], host }),
  );
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  await verifyEnds(mp, processes);

  const lines = await screen.copy();
  for (const line of lines) console.log(line);
  verify(lines.length === 5 * WORDS.length, `every process printed ${WORDS.length} lines`);
  if (isLocked) verify(!isMixed(lines), "the lines of each process stand together");
  else verify(isMixed(lines), "without the lock the lines are mixed");
});

/** Whether somebody's lines are not one after another. */
function isMixed(lines: readonly string[]): boolean {
  const greeters = lines.map((line) => line.replace(/^\D*/, ""));
  return greeters.some((greeter, place) => greeter !== greeters[place - (place % WORDS.length)]);
}
