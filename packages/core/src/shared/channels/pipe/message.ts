import { randomBytes } from "node:crypto";
import { got, PayloadTooLargeError, ValueError } from "../../../errors/index.ts";
import { decode, encode, isPlainJson, textToValue } from "../../../wire/codec/index.ts";

/**
 * First byte of a stored message that is not JSON: what follows is an encoded value, or bytes as they are. JSON never
 * begins with these.
 */
const ENCODED = 2;
const BYTES = 3;

/**
 * What the bytes of a value begin with while this process has them: when it sends them on, they are that value again, as in
 * Python. Random, so that bytes from outside which pass through here are never taken for a value.
 */
const VALUE_MARK = randomBytes(16);

/** What `sendBytes` takes. */
export type BytesLike = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** @throws SerializationError for what cannot be sent */
export function valueToMessage(value: unknown): string | Buffer {
  if (Buffer.isBuffer(value)) return withFirstByte(BYTES, value);
  return isPlainJson(value) ? JSON.stringify(value) : withFirstByte(ENCODED, encode(value));
}

/** @throws ValueError for what has no bytes, and for an offset or size outside of it (N5) */
export function bytesToMessage(bytes: BytesLike, offset: number = 0, size?: number): Buffer {
  const view = viewOf(bytes);
  if (!Number.isInteger(offset) || offset < 0) throw new ValueError(`offset must be 0 or more; got ${got(offset)}`);
  if (offset > view.length)
    throw new ValueError(`offset ${offset} is behind the end of a buffer of ${view.length} bytes`);
  const length = size ?? view.length - offset;
  if (!Number.isInteger(length) || length < 0) throw new ValueError(`size must be 0 or more; got ${got(size)}`);
  if (offset + length > view.length) {
    throw new ValueError(`offset ${offset} and size ${length} reach beyond a buffer of ${view.length} bytes`);
  }
  const sent = view.subarray(offset, offset + length);
  const isValue = sent.length > VALUE_MARK.length && VALUE_MARK.equals(sent.subarray(0, VALUE_MARK.length));
  return isValue ? Buffer.from(sent.subarray(VALUE_MARK.length)) : withFirstByte(BYTES, sent);
}

/** The value that was sent; bytes that were sent as such come as a Buffer. */
export function messageToValue(message: Buffer): unknown {
  if (message[0] === ENCODED) return decode(message.subarray(1));
  if (message[0] === BYTES) return message.subarray(1);
  return textToValue(message.toString());
}

/** The bytes that were sent; those of a value can be sent on with {@link bytesToMessage}. */
export function messageToBytes(message: Buffer): Buffer {
  return message[0] === BYTES ? message.subarray(1) : Buffer.concat([VALUE_MARK, message]);
}

/** @throws PayloadTooLargeError */
export function assertFits(message: string | Buffer, limit: number): void {
  if (message.length * 3 <= limit) return;
  const size = typeof message === "string" ? Buffer.byteLength(message) : message.length;
  if (size <= limit) return;
  throw new PayloadTooLargeError(
    `a message of ${size} bytes is larger than a pipe's maxMessage of ${limit} bytes; send it in parts`,
  );
}

function viewOf(bytes: BytesLike): Buffer {
  if (ArrayBuffer.isView(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes instanceof ArrayBuffer || bytes instanceof SharedArrayBuffer) return Buffer.from(bytes);
  throw new ValueError(`bytes are sent from a Buffer, a typed array or an ArrayBuffer; got ${got(bytes)}`);
}

function withFirstByte(first: number, bytes: Uint8Array): Buffer {
  const message = Buffer.allocUnsafeSlow(bytes.length + 1);
  message[0] = first;
  message.set(bytes, 1);
  return message;
}
