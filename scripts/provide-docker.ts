import { provideEngine } from "./docker-engine.ts";

/**
 * Sees to it that a Docker engine answers the tests that need one, starting it where that asks nobody: as root. Without
 * one, those tests say that they are skipped; this never fails. Returns what stops the engine that was started here.
 */
export function provideDocker(): () => void {
  const engine = provideEngine();
  if (engine.reason !== "") console.log(`no Docker engine, the container tests will be skipped: ${engine.reason}`);
  return () => engine.stop();
}
