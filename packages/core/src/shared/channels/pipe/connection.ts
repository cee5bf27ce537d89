import {
  BufferTooShortError,
  ClosedError,
  EndOfFileError,
  got,
  PayloadTooLargeError,
  TimeoutError,
  ValueError,
} from "../../../errors/index.ts";
import { type Patience, readyFirst, toLimit, toPatience } from "../../../session/waiting/index.ts";
import { type Milliseconds, toTimedLimit } from "../../../time/index.ts";
import type { Purpose } from "../../../wire/codec/index.ts";
import { type ObjectIdentity, type ObjectReference, type ObjectRuntime, SharedObject } from "../../object/index.ts";
import type { Consumer } from "../queue/index.ts";
import {
  assertFits,
  type BytesLike,
  bytesToMessage,
  messageToBytes,
  messageToValue,
  valueToMessage,
} from "./message.ts";
import { type End, leavePipe, type PipeShare, shareOfPipe } from "./pipe-share.ts";
import { type PipeState, readPipe } from "./read-pipe.ts";

/** What a connection's reference carries besides the name. */
export interface ConnectionSettings {
  end: End;
  isDuplex: boolean;
  /** Bytes. */
  maxMessage: number;
  /** With what it came from another process; null where it was made. */
  token: string | null;
}

/**
 * One end of a pipe (rules N1-N10). Messages arrive whole and in order, each at exactly one reader. An end is closed when
 * every process that had it has closed it or died; the other end then reads what is left, and the end of the file.
 */
export class Connection<Message = unknown> extends SharedObject {
  override readonly kind = "pipe";
  /** Whether it receives (N1). */
  readonly readable: boolean;
  /** Whether it sends (N1). */
  readonly writable: boolean;
  readonly #settings: ConnectionSettings;
  readonly #share: PipeShare;
  readonly #closing = new AbortController();
  #isClosed = false;
  /** Ends the receive that waits for what comes by itself. */
  #stopHearing: (() => void) | undefined;
  /** With which it was checked, and last sent. */
  #checkedToken: string | undefined;
  #sentToken: string | undefined;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, settings: ConnectionSettings) {
    super(runtime, identity);
    const { end, isDuplex, token } = settings;
    this.readable = isDuplex || end === 0;
    this.writable = isDuplex || end === 1;
    this.#settings = settings;
    const facts = { name: this.name, maker: this.owner, isDuplex };
    this.#share = shareOfPipe(runtime, facts, { handle: this, end });
    // At once and not with the first use: until then the death of this process would not be noticed.
    if (token !== null) this.#share.arrive(end, token);
  }

  /** Whether this handle was closed; others may hold the same end. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sends a value; resolves when Redis has it. Never waits for a reader. Not awaited, many travel together, in order.
   * @throws SerializationError for what cannot be sent; PayloadTooLargeError above the pipe's `maxMessage`
   * @throws BrokenPipeError when the other end has no holder any more (N4); ValueError for an end that only reads (N1);
   *   ClosedError for a closed handle
   */
  async send(value: Message): Promise<void> {
    this.#assertUsable("send");
    await this.#send(valueToMessage(value));
  }

  /**
   * Sends bytes as one message, from `offset` on, `size` of them or all (N5). Those of a value, as {@link recvBytes} gave
   * them to this process, are that value again for the receiver.
   * @throws ValueError for an offset or size outside of the buffer; and as {@link send}
   */
  async sendBytes(bytes: BytesLike, offset?: number, size?: number): Promise<void> {
    this.#assertUsable("send");
    await this.#send(bytesToMessage(bytes, offset, size));
  }

  /**
   * The next message; one that was sent as bytes comes as a Buffer. `false` = only if there is one.
   * @throws EndOfFileError when everything is read and the other end has no holder any more (N4)
   * @throws TimeoutError when none came in time; ValueError for an end that only sends (N1); ClosedError for a closed handle
   */
  async recv(patience?: Patience): Promise<Message> {
    return messageToValue(await this.#receive(patience)) as Message;
  }

  /**
   * The next message as bytes; a value comes in a form that is only good for sending it on with {@link sendBytes}.
   * @param maxLength - Most bytes. A longer message is lost and this handle closed, as in Python (N5).
   * @throws PayloadTooLargeError for a longer one; and as {@link recv}
   */
  async recvBytes(maxLength?: number, patience?: Patience): Promise<Buffer> {
    if (maxLength !== undefined && !(maxLength >= 0)) {
      throw new ValueError(`maxLength must be 0 or more; got ${got(maxLength)}`);
    }
    const bytes = messageToBytes(await this.#receive(patience));
    if (maxLength === undefined || bytes.length <= maxLength) return bytes;
    await this.close();
    throw new PayloadTooLargeError(
      `a message of ${bytes.length} bytes came, with a maxLength of ${maxLength}; the connection is closed now`,
    );
  }

  /**
   * Puts the next message into a buffer, from `offset` on.
   * @returns its length in bytes
   * @throws BufferTooShortError, with the message, when it has no room (N5); ValueError for an offset outside of the buffer;
   *   and as {@link recv}
   */
  async recvBytesInto(buffer: Uint8Array, offset: number = 0, patience?: Patience): Promise<number> {
    if (!Number.isInteger(offset) || offset < 0 || offset > buffer.length) {
      throw new ValueError(`offset must be in a buffer of ${buffer.length} bytes; got ${got(offset)}`);
    }
    const bytes = messageToBytes(await this.#receive(patience));
    if (offset + bytes.length > buffer.length) {
      const room = buffer.length - offset;
      throw new BufferTooShortError(`a message of ${bytes.length} bytes has no room in ${room} bytes`, { bytes });
    }
    buffer.set(bytes, offset);
    return bytes.length;
  }

  /**
   * Whether a receive would not wait: there is a message, or the end of the file (N3). Takes nothing.
   * @param wait - How to wait for that, or for how many ms at most; without it not at all.
   * @throws ValueError for an end that only sends (N1); ClosedError for a closed handle
   */
  async poll(wait: Milliseconds | Patience = 0): Promise<boolean> {
    this.#assertUsable("receive");
    const { limit, signal } = toTimedLimit(wait);
    const options = toPatience(limit, signal);
    const consumer = this.#share.consumer(this.#settings.end);
    return (await this.#whileHeld(options, (patience) => consumer.poll(patience))) ?? false;
  }

  /**
   * This handle sends and receives nothing any more. What was sent is sent before. When it is the last one of this end
   * anywhere, the other end reads the end of the file. Repeatable.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort(this.#closedError());
    this.#stopHearing?.();
    await this.runtime.keepAlive.during(leavePipe(this.#share, { handle: this, end: this.#settings.end }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Receives until the end of the file. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    while (true) {
      let message: Message;
      try {
        message = await this.recv();
      } catch (error) {
        if (error instanceof EndOfFileError) return;
        throw error;
      }
      yield message;
    }
  }

  async inspect(): Promise<PipeState> {
    return this.runtime.keepAlive.during(readPipe(this.runtime, this.name));
  }

  async #send(message: string | Buffer): Promise<void> {
    assertFits(message, this.#settings.maxMessage);
    await this.#share.producer(this.#settings.end).put(message);
  }

  async #receive(patience: Patience | undefined): Promise<Buffer> {
    this.#assertUsable("receive");
    const consumer = this.#share.consumer(this.#settings.end);
    const here = consumer.next();
    if (here) return here.text;
    const heard = patience === undefined ? await this.#hear(consumer) : undefined;
    if (heard) return heard.text;
    if (this.#isClosed) throw this.#closedError();
    const taken = await this.#whileHeld(patience, (limited) => consumer.get(limited));
    if (taken) return taken.text;
    throw new TimeoutError(`nothing came through the pipe "${this.name}" in time`);
  }

  /** The next message, where it comes without being asked for. @returns undefined when Redis has to be asked */
  async #hear(consumer: Consumer<Buffer>): Promise<{ text: Buffer } | undefined> {
    const hearing = consumer.hear();
    if (!hearing) return undefined;
    const { keepAlive } = this.runtime;
    this.#stopHearing = hearing.leave;
    keepAlive.hold();
    try {
      return await hearing.heard;
    } finally {
      keepAlive.release();
      if (this.#stopHearing === hearing.leave) this.#stopHearing = undefined;
    }
  }

  /**
   * Waits until this process holds the end and then for what is wanted, both no longer than this handle is open.
   * @returns undefined when the time was over before
   */
  async #whileHeld<Value>(
    patience: Patience | undefined,
    wait: (patience: Patience) => Promise<Value>,
  ): Promise<Value | undefined> {
    const { limit, signal: given } = toLimit(patience);
    const { signal: closing } = this.#closing;
    const signal = given ? AbortSignal.any([given, closing]) : closing;
    const first = { ready: this.#share.held(this.#settings.end), answerTime: this.runtime.room.answerTime };
    try {
      return await this.runtime.keepAlive.during(readyFirst(first, toPatience(limit, signal), wait));
    } catch (error) {
      throw this.#isClosed ? this.#closedError() : error;
    }
  }

  #assertUsable(what: "send" | "receive"): void {
    if (this.#isClosed) throw this.#closedError();
    if (what === "send" ? this.writable : this.readable) return;
    const only = what === "send" ? "receives" : "sends";
    throw new ValueError(`this end of the pipe "${this.name}" only ${only}; use the other one, or a duplex pipe`);
  }

  #closedError(): ClosedError {
    return new ClosedError(`this connection of the pipe "${this.name}" is closed`);
  }

  /** @internal */
  override toReference(purpose: Purpose = "sending"): ObjectReference {
    return { ...super.toReference(), settings: { ...this.#settings, token: this.#departure(purpose) } };
  }

  /**
   * With which token the end travels. It is on its way from the check on, because the handle may be closed before what was
   * checked is sent.
   */
  #departure(purpose: Purpose): string {
    if (!this.#isClosed) this.#checkedToken ??= this.#share.depart(this.#settings.end);
    const token = this.#checkedToken ?? this.#sentToken;
    if (token === undefined) throw this.#closedError();
    if (purpose === "sending") {
      this.#sentToken = token;
      this.#checkedToken = undefined;
    }
    return token;
  }
}
