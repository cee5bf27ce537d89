import { randomUUID } from "node:crypto";
import { stage, verify, verifySpread } from "../stage.ts";
import { takeLines } from "./screen.ts";
import { greet, WORDS } from "./tasks.ts";

const isLocked = !process.argv.includes("--no-lock");

// Python: lock = Lock(); for num in range(8): Process(target=f, args=(lock, num)).start()
await stage(async (mp) => {
  const lock = isLocked ? mp.lock() : null;
  const screen = `lock-print/${randomUUID()}`;
  const pool = mp.pool(8);
  const runs = await Promise.all(
    Array.from({ length: 8 }, (_, index) => pool.applyAsync(greet, [index, screen, lock])),
  );
  const lines = await takeLines(screen);
  for (const line of lines) console.log(line);
  verify(lines.length === 8 * WORDS.length, `every process printed ${WORDS.length} lines`);
  if (isLocked) verify(!isMixed(lines), "the lines of each process stand together");
  else if ((await mp.cpuCount()) > 1) verify(isMixed(lines), "without the lock the lines are mixed");
  await verifySpread(mp, runs);
});

/** Whether somebody's lines are not one after another. */
function isMixed(lines: readonly string[]): boolean {
  return lines.some((line, place) => {
    const word = WORDS[place % WORDS.length];
    const greeter = lines[place - (place % WORDS.length)]?.split(" ").at(-1);
    return line !== `${word} ${greeter}`;
  });
}
