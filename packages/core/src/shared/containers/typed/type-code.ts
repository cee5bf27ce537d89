import { got } from "../../../errors/index.ts";

/** C types by Python's codes. `c` is one byte as a text of one character, `u` one character. */
export type TypeCode = "b" | "B" | "c" | "u" | "h" | "H" | "i" | "I" | "l" | "L" | "q" | "Q" | "f" | "d";

/** What a value of that type is in JavaScript: 64 bits need a bigint. */
export type TypedValue<Code extends TypeCode> = Code extends "l" | "L" | "q" | "Q"
  ? bigint
  : Code extends "c" | "u"
    ? string
    : number;

/** What a value of that type may be given as. */
export type TypedInput<Code extends TypeCode> = Code extends "l" | "L" | "q" | "Q" ? bigint | number : TypedValue<Code>;

/** A typed array that holds values of that type. */
export type TypedSnapshot =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** How a type is kept, as a number in text. */
export interface TypeRules {
  /** How scripts calculate with it. */
  sort: "whole" | "float" | "double";
  bits: number;
  isSigned: boolean;
  /** As stored; wraps as C does (V2). @throws TypeError for a value of another type */
  toText(value: unknown): string;
  toValue(text: string): number | bigint | string;
  toArray(texts: readonly string[]): TypedSnapshot;
}

const RULES: Readonly<Record<TypeCode, TypeRules>> = {
  b: whole(8, true, Int8Array),
  B: whole(8, false, Uint8Array),
  c: character("c", 0xff, Uint8Array),
  u: character("u", 0x10ffff, Uint32Array),
  h: whole(16, true, Int16Array),
  H: whole(16, false, Uint16Array),
  i: whole(32, true, Int32Array),
  I: whole(32, false, Uint32Array),
  l: large(true),
  L: large(false),
  q: large(true),
  Q: large(false),
  f: fraction("float", 32, Float32Array),
  d: fraction("double", 64, Float64Array),
};

/** @throws TypeError an unknown code (V2) */
export function rulesOf(code: unknown): TypeRules {
  if (typeof code === "string" && Object.hasOwn(RULES, code)) return RULES[code as TypeCode];
  throw new TypeError(`the type must be one of ${Object.keys(RULES).join(" ")}; got ${got(code)}`);
}

function whole(bits: number, isSigned: boolean, Snapshot: NumbersConstructor): TypeRules {
  return {
    ...{ sort: "whole", bits, isSigned },
    toText(value) {
      if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType("a whole number", value);
      const wide = BigInt(value);
      return String(isSigned ? BigInt.asIntN(bits, wide) : BigInt.asUintN(bits, wide));
    },
    toValue: Number,
    toArray: (texts) => Snapshot.from(texts, Number),
  };
}

function large(isSigned: boolean): TypeRules {
  return {
    ...{ sort: "whole", bits: 64, isSigned },
    toText(value) {
      if (typeof value !== "bigint" && !Number.isSafeInteger(value))
        throw wrongType("a bigint or a whole number", value);
      const wide = BigInt(value as bigint | number);
      return String(isSigned ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide));
    },
    toValue: BigInt,
    toArray: (texts) => (isSigned ? BigInt64Array : BigUint64Array).from(texts.map(BigInt)),
  };
}

function fraction(sort: "float" | "double", bits: number, Snapshot: NumbersConstructor): TypeRules {
  return {
    ...{ sort, bits, isSigned: true },
    toText(value) {
      if (typeof value !== "number") throw wrongType("a number", value);
      const kept = sort === "float" ? Math.fround(value) : value;
      return Object.is(kept, -0) ? "-0" : String(kept);
    },
    toValue: Number,
    toArray: (texts) => Snapshot.from(texts, Number),
  };
}

function character(code: string, most: number, Snapshot: NumbersConstructor): TypeRules {
  return {
    ...{ sort: "whole", bits: code === "c" ? 8 : 32, isSigned: false },
    toText(value) {
      const point = typeof value === "string" ? value.codePointAt(0) : undefined;
      if (point === undefined || point > most || value !== String.fromCodePoint(point)) {
        throw wrongType(`a text of one character up to ${most}`, value);
      }
      return String(point);
    },
    toValue: (text) => String.fromCodePoint(Number(text)),
    toArray: (texts) => Snapshot.from(texts, Number),
  };
}

interface NumbersConstructor {
  from<Value>(values: ArrayLike<Value>, map: (value: Value) => number): TypedSnapshot;
}

function wrongType(wanted: string, value: unknown): TypeError {
  return new TypeError(`the value must be ${wanted}; got ${got(value)}`);
}
