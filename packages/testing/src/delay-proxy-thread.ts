import { createConnection, createServer, type Server, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { DelayRequest, DelaySettings } from "./delay-proxy.ts";

/** The thread of a delaying proxy: a test that blocks its own thread does not stop the network. */

/** What is on its way in one direction of one connection may be so much, bytes: 40 ms at 800 MB/s. */
const IN_FLIGHT = 32 * 1024 * 1024;

const { distance, target } = workerData as DelaySettings;
/** Timers fire within a millisecond: a distance is kept to a quarter, and never more than a millisecond too short. */
const TOLERANCE = Math.min(1, distance / 4);

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
  // The last part of a millisecond, which no timer knows, is spent turning: only distances below four have one.
  if (rest >= 1) setTimeout(deliver, Math.floor(rest));
  else setImmediate(deliver);
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
