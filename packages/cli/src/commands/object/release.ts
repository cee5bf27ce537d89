import { type ObjectView, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import type { Printer } from "../../output/printer.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { describeHolding, describeObject } from "./describe.ts";
import { assertAgreed, deedOn, findObject } from "./find-object.ts";

interface Options {
  session?: string;
  permits?: number;
  yes?: boolean;
}

/** `manyhands object release <object>` */
export function objectReleaseCommand(): Command {
  const command = newCommand("release", {
    summary: "take a lock or permits from their holders; the next waiter gets them",
    examples: [
      ["manyhands object release stock", "say what it would do"],
      ["manyhands object release stock -y", "do it; a live holder learns it when it next renews its lease"],
    ],
  });
  return command
    .argument("<object>", "name, or <kind>/<name>")
    .option("--session <id>", "only what this session holds; object show -o json names it")
    .option(
      "--permits <n>",
      "of a semaphore: so many permits that were taken without a lease",
      wholeNumber("--permits", { from: 1 }),
    )
    .option("-y, --yes", "do it")
    .action(
      onNamespace<Options>(async ({ args, options, printer, ...connection }) => {
        const object = await findObject(connection, String(args[0]));
        const release = options.permits === undefined ? releaseHeld : releaseAnonymous;
        await release(connection, object, { options, printer });
      }),
    );
}

interface Call {
  options: Options;
  printer: Printer;
}

async function releaseHeld(
  { inspector: { objects } }: Connection,
  object: ObjectView,
  { options, printer }: Call,
): Promise<void> {
  const { session } = options;
  const holders = object.holders.filter((holder) => session === undefined || holder.session === session);
  if (holders.length === 0) {
    const holder = session === undefined ? "any known holder" : `session ${session}`;
    throw new UsageError(`${describeObject(object)} is not held by ${holder}; there is nothing to release`);
  }
  assertAgreed(
    options,
    holders.map((holder) => deedOn("take", object, ` back from ${describeHolding(holder)}`)),
  );
  const released = await objects.release(object, session === undefined ? {} : { session });
  printer.change(
    { kind: object.kind, name: object.name, released },
    released.map((holder) => `${describeObject(object)} was taken back from ${describeHolding(holder)}`),
  );
}

async function releaseAnonymous(
  { inspector: { objects } }: Connection,
  object: ObjectView,
  { options, printer }: Call,
): Promise<void> {
  const { permits = 0 } = options;
  if (object.kind !== "semaphore") throw new UsageError(`only a semaphore has permits; got ${describeObject(object)}`);
  const taken = takenPermits(object);
  if (taken !== null && permits > taken) throw tooManyPermits(object, { permits, taken });
  assertAgreed(options, [deedOn("release", object, ` ${plural(permits, "time")}, whichever program has the permits`)]);
  if (!(await objects.releasePermits(object.name, permits))) {
    throw tooManyPermits(object, { permits, taken: null });
  }
  printer.change(
    { kind: object.kind, name: object.name, permits },
    `${plural(permits, "permit")} of ${describeObject(object)} ${permits === 1 ? "was" : "were"} given back`,
  );
}

/** Permits that were taken without a lease; null when the semaphore cannot be read. */
function takenPermits({ state, holders }: ObjectView): number | null {
  const { initial, value } = (state ?? {}) as { initial?: number; value?: number };
  if (initial === undefined || value === undefined) return null;
  return Math.max(0, initial - value - holders.reduce((sum, holder) => sum + holder.count, 0));
}

/** @param taken - null when it has changed since. */
function tooManyPermits(object: ObjectView, { permits, taken }: { permits: number; taken: number | null }): UsageError {
  const known = taken === null ? "" : `: ${taken} of its permits ${taken === 1 ? "is" : "are"} taken without a lease`;
  return new UsageError(
    `${describeObject(object)} would rise above its initial value${known}; got --permits ${permits}; ` +
      `see: manyhands object show ${object.name}`,
  );
}
