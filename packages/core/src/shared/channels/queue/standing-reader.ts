import type { WaitRoom } from "../../../session/waiting/index.ts";

/** Stands between the number of a message and its bytes. */
const SPACE = 32;

/** What a standing reader does with what it hears. */
export interface ReaderEvents {
  /** A message has come. */
  message: (number: number, bytes: Buffer) => void;
  /** Redis may not know it any more, or a message may have been lost on the way: look there. */
  doubt: () => void;
}

/**
 * A consumer to which each message of a pipe goes at once, with the wake-up, while it is the only one that can get it.
 * It stands from one message to the next: nothing has to be said to Redis but that the last one was handed out, and that is
 * said with what the process sends next.
 */
export class StandingReader {
  /** How Redis knows it: "<session>|<number>|<number of the consumer>|<label>". */
  readonly entry: string;
  /** Before this number everything is known in Redis to be handed out. */
  acknowledged = 0;
  readonly #close: () => void;
  #isStanding = false;
  #doubts = 0;

  constructor(room: WaitRoom, consumer: { name: string; label: string }, on: ReaderEvents) {
    const [session, number] = consumer.name.split("#");
    const listening = room.listen({
      notify: (bytes) => {
        const end = bytes?.indexOf(SPACE) ?? -1;
        if (bytes && end > 0) return on.message(Number(bytes.toString("latin1", 0, end)), bytes.subarray(end + 1));
        this.#isStanding = false;
        this.#doubts += 1;
        on.doubt();
      },
    });
    this.entry = `${session}|${listening.number}|${number}|${consumer.label}`;
    this.#close = listening.close;
  }

  /**
   * Redis is about to be told that what is before this number was handed out. To be called with its answer, whether it is
   * the standing reader.
   *
   * @returns the answer's caller is told whether that still holds: a doubt that came before the answer may be younger than
   *   that, because it comes on another connection.
   */
  asking(handed: number): (isStanding: boolean) => boolean {
    const doubts = this.#doubts;
    return (isStanding) => {
      if (isStanding && doubts !== this.#doubts) return false;
      this.#isStanding = isStanding;
      if (isStanding) this.acknowledged = Math.max(this.acknowledged, handed);
      return true;
    };
  }

  /** Whether the next message comes without being asked for, when these were handed out. */
  standsAt(handed: number): boolean {
    return this.#isStanding && this.acknowledged === handed;
  }

  close(): void {
    this.#isStanding = false;
    this.#close();
  }
}
