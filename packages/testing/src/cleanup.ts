import { afterAll, beforeAll, onTestFinished } from "vitest";

type Cleanup = () => unknown;

const atEndOfFile: Cleanup[] = [];

afterAll(async () => {
  for (const cleanup of atEndOfFile.splice(0).reverse()) await cleanup();
});

/** Runs at the end of the current test; at the end of the file when no test is running. */
export function atEnd(cleanup: Cleanup): void {
  try {
    onTestFinished(async () => void (await cleanup()));
  } catch {
    atEndOfFile.push(cleanup);
  }
}

/** Runs `start` before the tests of the file (or of the current `describe`) and `stop` after them. */
export function aroundAll(start: () => Promise<unknown>, stop: () => Promise<unknown>): void {
  beforeAll(async () => void (await start()));
  afterAll(async () => void (await stop()));
}
