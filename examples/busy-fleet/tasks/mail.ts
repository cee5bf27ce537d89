import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { currentContext, currentTask, type DeadTask, registerError, task } from "@manyhands/core";
import { portOf } from "../addresses.ts";

export interface Invoice {
  invoice: number;
  relay: string;
  to: string;
  password: string;
}

/** What a mail server answers when it refuses something. */
export class SmtpError extends Error {
  override name = "SmtpError";
}
registerError(SmtpError);

/** Writes down which letters could not be sent at all; of the last hundred. */
export const noteUndelivered = task(
  "mail.note-undelivered",
  async (dead: DeadTask) => {
    const list = currentContext().manager("shop").list<string>("undelivered");
    await list.append(`${dead.id} after ${dead.attempts} tries`);
    if ((await list.length()) > 100) await list.pop(0);
  },
  { isolation: "inline" },
);

/** Sends an invoice through a relay, at most two at once through each. */
export const sendInvoice = task(
  "send.invoice",
  async ({ invoice, relay, password }: Invoice) => {
    const mp = currentContext();
    await using _permit = await mp.semaphore(2, { name: `relay/${relay}` }).hold({ timeout: 20_000 });
    const socket = connectTcp(await portOf(relay), "127.0.0.1");
    try {
      await answer(socket);
      currentTask().log(`connected to ${relay}`);
      await say(socket, `AUTH PLAIN ${Buffer.from(password).toString("base64")}`);
      await say(socket, `DATA invoice ${invoice}`);
      return `invoice ${invoice} was sent through ${relay}`;
    } finally {
      socket.destroy();
    }
  },
  {
    attempts: 3,
    backoff: { type: "exponential", delay: 15_000, jitter: 0.5 },
    onDead: noteUndelivered,
    isolation: "inline",
    timeout: 30_000,
  },
);

async function say(socket: Socket, line: string): Promise<void> {
  socket.write(`${line}\r\n`);
  await answer(socket);
}

async function answer(socket: Socket): Promise<void> {
  const [text] = (await once(socket, "data")) as [Buffer];
  const line = text.toString().trim();
  if (!line.startsWith("2")) throw new SmtpError(line);
}
