/** What a program that ends without `close()` still has to give back. */
export interface OpenEnd {
  /** The program has nothing left to do: gives everything back, then lets it end. */
  endWithProgram(): Promise<void>;
  /** The program ends now, by `process.exit()` or an uncaught error: says so, without waiting for the answer. */
  endAtOnce(): void;
}

const ends = new Set<OpenEnd>();

/**
 * Ends what is open with the program: at its natural end in order, at a sudden one as far as that is possible without
 * waiting. A signal or a crash of Node itself leaves it to the leases.
 * @returns withdraws it
 */
export function endWithProgram(end: OpenEnd): () => void {
  if (ends.size === 0) process.on("beforeExit", endAll).on("exit", endAllAtOnce);
  ends.add(end);
  return () => {
    if (!ends.delete(end) || ends.size > 0) return;
    process.off("beforeExit", endAll).off("exit", endAllAtOnce);
  };
}

function endAll(): void {
  for (const end of ends) void end.endWithProgram();
}

function endAllAtOnce(): void {
  for (const end of ends) end.endAtOnce();
}
