import { createConnection, createServer, type Server, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { DelayRequest, DelaySettings } from "./delay-proxy.ts";

/** The thread of a delaying proxy: a test that blocks its own thread does not stop the network. */

/** What is on its way in one direction of one connection may be so much, bytes: 40 ms at 800 MB/s. */
const IN_FLIGHT = 32 * 1024 * 1024;

const { distance, target } = workerData as DelaySettings;
/** Shorter distances end in naps, because a timer fires up to a millisecond late and more, ms. */
const LONG = 4;
/** The part of the way for which no timer is used, ms. */
const FINE = distance < LONG ? 2 : 1;
/** What arrives during a nap leaves as late as that: it may arrive as much too early. A long distance is kept to 1 ms. */
const TOLERANCE = distance < LONG ? 0.1 : 1;
/** The kernel makes about 0.07 of it, ms. */
const NAP = 0.01;
const bed = new Int32Array(new SharedArrayBuffer(4));

/** What is on its way, in the order of leaving, which is that of arriving: all of it takes the same time. */
const road: { due: number; arrive: () => void }[] = [];
let next = 0;
let isArmed = false;

let server: Server | undefined;
let port = 0;

parentPort?.on("message", (request: DelayRequest) => {
  const done = request.what === "accept" ? accept() : refuse();
  done.then(
    () => parentPort?.postMessage({ id: request.id, port }),
    (error: unknown) => parentPort?.postMessage({ id: request.id, error: String(error) }),
  );
});

async function accept(): Promise<void> {
  if (server) return;
  const opened = createServer({ allowHalfOpen: true, noDelay: true }, join);
  await new Promise<void>((resolve, reject) => {
    opened.once("error", reject);
    opened.listen(port, "127.0.0.1", resolve);
  });
  server = opened;
  port = (opened.address() as { port: number }).port;
}

/** Connections that are open go on: they end when the server has gone. */
async function refuse(): Promise<void> {
  server?.close();
  server = undefined;
}

function join(client: Socket): void {
  const upstream = createConnection({ ...target, allowHalfOpen: true, noDelay: true });
  forward(client, upstream);
  forward(upstream, client);
}

/** Bytes, an end and a reset reach the other side later, in order. */
function forward(from: Socket, to: Socket): void {
  let inFlight = 0;
  const landed = (bytes: number): void => {
    inFlight -= bytes;
    if (from.isPaused() && inFlight < IN_FLIGHT / 2) from.resume();
  };
  from.on("data", (bytes: Buffer) => {
    inFlight += bytes.length;
    if (inFlight > IN_FLIGHT) from.pause();
    send(() => {
      if (to.destroyed) landed(bytes.length);
      else to.write(bytes, () => landed(bytes.length));
    });
  });
  from.on("end", () => send(() => to.end()));
  // An error is followed by "close", which says so.
  from.on("error", () => {});
  from.on("close", (hadError) => {
    if (hadError || !from.readableEnded) send(() => to.resetAndDestroy());
  });
}

function send(arrive: () => void): void {
  road.push({ due: performance.now() + distance, arrive });
  if (!isArmed) arm(distance);
}

function arm(rest: number): void {
  isArmed = true;
  if (rest >= FINE) {
    setTimeout(deliver, Math.floor(rest - FINE) + 1);
    return;
  }
  // Naps, between which arrivals are read, and not turns: the thread must leave the processors to those it serves.
  Atomics.wait(bed, 0, 0, Math.min(rest, NAP));
  setImmediate(deliver);
}

function deliver(): void {
  isArmed = false;
  const now = performance.now() + TOLERANCE;
  for (let first = road[next]; first && first.due <= now; first = road[next]) {
    next += 1;
    first.arrive();
  }
  if (next > 1024 || next === road.length) {
    road.splice(0, next);
    next = 0;
  }
  const first = road[next];
  if (first && !isArmed) arm(first.due - performance.now());
}
