import { Packr, RESET_BUFFER_MODE, Unpackr } from "msgpackr";
import { SerializationError } from "../../errors/index.ts";
import { flatten, flattenSeparately } from "./flatten.ts";
import type { Graph } from "./graph.ts";
import { rebuild } from "./rebuild.ts";
import { INTRICATE, look, SHARED } from "./shape.ts";
import type { Purpose } from "./transferable.ts";

/** First byte of the graph form. MessagePack never uses it. */
const GRAPH = 0xc1;
/** A larger scratch buffer of msgpackr is given back after use. */
const MAX_SCRATCH = 1024 * 1024;

const PACKING = { moreTypes: true, useToJSON: false } as const;
const tree = new Packr(PACKING);
/** Keeps identity and cycles, a quarter slower. */
const web = new Packr({ ...PACKING, structuredClone: true });
/** Copies binaries out, so that they own their memory; reads what both packers write. */
const unpacker = new Unpackr({ moreTypes: true, structuredClone: true, copyBuffers: true });

const LOOK = { text: true, identity: true };

/**
 * Encodes a value.
 *
 * The bytes own their memory: they are not a slice of a pool, can be kept and transferred, and nothing overwrites them.
 *
 * @throws SerializationError for what cannot be sent, with a path that starts at `path`
 */
export function encode(value: unknown, path: string = "value", purpose: Purpose = "sending"): Buffer<ArrayBuffer> {
  const flags = look(value, LOOK);
  if (flags & INTRICATE) return encodeGraph(flatten(value, path, purpose));
  return pack(flags & SHARED ? web : tree, { value, prefix: 0 });
}

/**
 * Encodes a list whose elements must not meet: `decode` gives a list of values that share no object, also where these
 * do. For calls that travel together; one must not see what another does to its arguments.
 *
 * @throws SerializationError for what cannot be sent, with a path such as `values[3].socket`
 */
export function encodeSeparately(values: unknown[], path: string = "values"): Buffer<ArrayBuffer> {
  for (const value of values) {
    if (look(value, LOOK) & (INTRICATE | SHARED)) return encodeGraph(flattenSeparately(values, path));
  }
  return pack(tree, { value: values, prefix: 0 });
}

/** @internal */
export function encodeGraph(graph: Graph): Buffer<ArrayBuffer> {
  const bytes = pack(tree, { value: [graph.root, graph.nodes, graph.failure], prefix: 1 });
  bytes[0] = GRAPH;
  return bytes;
}

/**
 * Reads what `encode` wrote. A Buffer in it is a Buffer again, and owns its memory: `bytes` may be reused afterwards.
 *
 * @throws SerializationError for bytes that are damaged, or hold a kind of live object that this process does not know
 */
export function decode(bytes: Uint8Array): unknown {
  try {
    if (bytes[0] !== GRAPH) return unpacker.unpack(viewOf(bytes, 0));
    const [root, nodes, failure] = unpacker.unpack(viewOf(bytes, 1)) as [
      Graph["root"],
      Graph["nodes"],
      Graph["failure"],
    ];
    return rebuild({ root, nodes, failure });
  } catch (error) {
    if (error instanceof SerializationError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SerializationError(
      `${bytes.length} bytes cannot be decoded: ${reason}; they are damaged, or not written by manyhands`,
      { path: "value", cause: error },
    );
  }
}

/** `encode` as base64, for fields that hold text. */
export function encodeToString(value: unknown, path?: string): string {
  return encode(value, path).toString("base64");
}

/** Reads what `encodeToString` wrote. */
export function decodeFromString(text: string): unknown {
  return decode(Buffer.from(text, "base64"));
}

function pack(packer: Packr, job: { value: unknown; prefix: 0 | 1 }): Buffer<ArrayBuffer> {
  // msgpackr answers with a slice of its scratch buffer, which this mode lets it use again for the next value.
  const packed = packer.pack(job.value, RESET_BUFFER_MODE);
  const bytes = Buffer.allocUnsafeSlow(packed.length + job.prefix);
  bytes.set(packed, job.prefix);
  if (packed.buffer.byteLength > MAX_SCRATCH) packer.useBuffer(Buffer.allocUnsafeSlow(8_192));
  return bytes;
}

/** A view of our own: msgpackr leaves a property on the object it reads from, and slices it by its class. */
function viewOf(bytes: Uint8Array, from: number): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + from, bytes.byteLength - from);
}
