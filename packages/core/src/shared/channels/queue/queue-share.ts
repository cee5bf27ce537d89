import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";
import { Consumer } from "./consumer.ts";
import { Producer } from "./producer.ts";
import { type QueueFacts, QueuePlace } from "./queue-place.ts";

/** A queue in one context, with any number of handles. */
export class QueueShare {
  readonly place: QueuePlace;
  readonly producer: Producer;
  readonly consumer: Consumer;
  readonly #leave: () => void;
  #handles = 0;

  constructor(runtime: ObjectRuntime, facts: QueueFacts, leave: () => void) {
    const isLeased = facts.kind === "joinable-queue";
    this.place = new QueuePlace(runtime, facts);
    this.producer = new Producer(this.place);
    this.consumer = new Consumer(this.place, { isLeased, mayPrefetch: !isLeased && facts.maxSize === 0, form: "text" });
    this.#leave = leave;
  }

  /** One handle more: for that one, which knows of none, the first call makes the queue. */
  addHandle(): void {
    this.#handles += 1;
    this.place.existence.forget();
  }

  /** One handle less; the last one gives back what was taken from Redis and not handed out. */
  async removeHandle(): Promise<void> {
    this.#handles -= 1;
    if (this.#handles > 0) return;
    this.#leave();
    await this.end();
  }

  /** Stores what was put and not waited for, and gives back what was not handed out. */
  async end(): Promise<void> {
    await Promise.all([this.producer.flush(), this.consumer.close()]);
  }
}

const SHARES = new RuntimeKey<Map<string, QueueShare>>("queues in use");

/** A handle that was garbage-collected uses nothing. */
const forgotten = new FinalizationRegistry<QueueShare>((share) => void share.removeHandle().catch(() => {}));

/** What a handle uses, until it is closed or garbage-collected. */
export function shareOf(runtime: ObjectRuntime, facts: QueueFacts, handle: object): QueueShare {
  const known = sharesOf(runtime);
  const queue = `${facts.kind}/${facts.name}`;
  let share = known.get(queue);
  if (!share) {
    const made = new QueueShare(runtime, facts, () => forget(known, queue, made));
    known.set(queue, made);
    share = made;
  }
  share.addHandle();
  forgotten.register(handle, share, handle);
  return share;
}

/** The handle was closed. */
export async function leaveShare(share: QueueShare, handle: object): Promise<void> {
  forgotten.unregister(handle);
  await share.removeHandle();
}

function forget(known: Map<string, QueueShare>, queue: string, share: QueueShare): void {
  if (known.get(queue) === share) known.delete(queue);
}

function sharesOf(runtime: ObjectRuntime): Map<string, QueueShare> {
  return runtime.of(SHARES, () => {
    const made = new Map<string, QueueShare>();
    runtime.closing.add(() => Promise.all([...made.values()].map((share) => share.end())));
    runtime.removals.add((firstPart) => {
      for (const [queue, share] of made) if (share.place.isIn(firstPart)) made.delete(queue);
    });
    return made;
  });
}
