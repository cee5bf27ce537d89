import { existsSync, readFileSync } from "node:fs";
import { until } from "../../src/until.ts";
import type { ComposeFleet } from "./compose-fleet.ts";

/** How long another process may take to build the image, ms. */
const LONGEST_BUILD = 900_000;
/** `pnpm test` begins to build before it starts the tests (scripts/provide-docker.ts): the name, and where the log is. */
const { MANYHANDS_TEST_IMAGE, MANYHANDS_TEST_IMAGE_LOG } = process.env;

/** A name of our own: another run may build another checkout at the same time. */
export const IMAGE: string = MANYHANDS_TEST_IMAGE ?? `manyhands-test:${process.pid}`;

/** Waits for the image that another process builds, or builds it. */
export async function provideImage(fleet: ComposeFleet): Promise<void> {
  await imageIsBuilt();
  await fleet.prepare();
  if (MANYHANDS_TEST_IMAGE_LOG !== undefined) return;
  await fleet.build();
  await fleet.keepBuildStage();
}

/** Resolves when no other process builds images any more, at once where none does. @throws with the log of a build that failed */
export async function imageIsBuilt(): Promise<void> {
  const log = MANYHANDS_TEST_IMAGE_LOG;
  if (log === undefined) return;
  const ended = `${log}.ended`;
  // What writes the file is a shell: it comes whatever becomes of the build.
  await until(() => existsSync(ended) && readFileSync(ended, "utf8") !== "", {
    timeout: LONGEST_BUILD,
    what: `the image is built, ${log} says how far it is`,
  });
  if (readFileSync(ended, "utf8").trim() === "0") return;
  throw new Error(`the image could not be built:\n${readFileSync(log, "utf8").slice(-3_000)}`);
}
