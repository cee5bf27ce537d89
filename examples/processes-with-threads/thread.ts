import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, threadId } from "node:worker_threads";

console.log(`thread ${threadId} of pid ${process.pid} runs`);
await sleep(200);
parentPort?.postMessage(threadId);
