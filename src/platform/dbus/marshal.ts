/**
 * Values of the D-Bus wire format (D-Bus specification, "Marshaling"), little endian, as far as
 * systemd's interface needs them: no doubles, no descriptors.
 */

/** A value that brings its type along. */
export interface DbusVariant {
  readonly signature: string;
  readonly value: DbusValue;
}

/** Numbers above 2^53 are bigints; a dictionary is an array of pairs. */
export type DbusValue = number | bigint | string | boolean | DbusVariant | readonly DbusValue[];

/** The complete types of a signature: `sa(sv)u` is `s`, `a(sv)` and `u`. */
export function splitSignature(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

const closing: Readonly<Record<string, string>> = { "(": ")", "{": "}" };

function endOfType(signature: string, start: number): number {
  const first = signature[start];
  if (first === "a") return endOfType(signature, start + 1);
  const close = closing[first ?? ""];
  if (close === undefined) {
    if (first === undefined || !"ybnqiuxtsogv".includes(first)) throw malformed(signature);
    return start + 1;
  }
  let at = start + 1;
  while (signature[at] !== close) at = endOfType(signature, at);
  return at + 1;
}

function malformed(what: string): Error {
  return new Error(`not a D-Bus signature: ${JSON.stringify(what)}`);
}

const alignments: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  s: 4,
  o: 4,
  a: 4,
  x: 8,
  t: 8,
  "(": 8,
  "{": 8,
};

function alignmentOf(type: string): number {
  const alignment = alignments[type[0] ?? ""];
  if (alignment === undefined) throw malformed(type);
  return alignment;
}

/** Writes values one after the other, aligned from the beginning. */
export class DbusWriter {
  #bytes = Buffer.alloc(256);
  #length = 0;

  /** What was written. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Zeros up to a multiple of `alignment`. */
  align(alignment: number): void {
    this.#room((alignment - (this.#length % alignment)) % alignment);
  }

  /** Values of a signature's types. */
  write(signature: string, values: readonly DbusValue[]): void {
    splitSignature(signature).forEach((type, index) => {
      const value = values[index];
      if (value === undefined) throw new Error(`no value for ${type} of ${signature}`);
      this.#value(type, value);
    });
  }

  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(2 * this.#length);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    return at;
  }

  #value(type: string, value: DbusValue): void {
    this.align(alignmentOf(type));
    switch (type[0]) {
      case "y":
        this.#bytes[this.#room(1)] = Number(value);
        return;
      case "n":
      case "q": {
        const at = this.#room(2);
        this.#bytes.writeUInt16LE(Number(value) & 0xffff, at);
        return;
      }
      case "b":
      case "i":
      case "u": {
        const at = this.#room(4);
        this.#bytes.writeUInt32LE(Number(value) >>> 0, at);
        return;
      }
      case "x":
      case "t": {
        const at = this.#room(8);
        this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value as bigint | number)), at);
        return;
      }
      case "s":
      case "o":
        this.#text(String(value));
        return;
      case "g":
        this.#signature(String(value));
        return;
      case "v": {
        const variant = value as DbusVariant;
        this.#signature(variant.signature);
        this.#value(variant.signature, variant.value);
        return;
      }
      case "a":
        this.#array(type.slice(1), value as readonly DbusValue[]);
        return;
      default:
        this.write(type.slice(1, -1), value as readonly DbusValue[]);
    }
  }

  #text(text: string): void {
    const bytes = Buffer.from(text);
    const at = this.#room(4 + bytes.length + 1);
    this.#bytes.writeUInt32LE(bytes.length, at);
    bytes.copy(this.#bytes, at + 4);
  }

  #signature(text: string): void {
    const at = this.#room(1 + text.length + 1);
    this.#bytes[at] = text.length;
    this.#bytes.write(text, at + 1, "latin1");
  }

  #array(element: string, values: readonly DbusValue[]): void {
    const at = this.#room(4);
    // The length counts neither itself nor what the first element is aligned by.
    this.align(alignmentOf(element));
    const start = this.#length;
    for (const value of values) this.#value(element, value);
    this.#bytes.writeUInt32LE(this.#length - start, at);
  }
}

/** Reads values, in bounds; what comes from a socket may be anything. */
export class DbusReader {
  readonly #bytes: Buffer;
  #at: number;

  /** @param at where the values begin; they are aligned from the beginning of `bytes`. */
  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Skips up to a multiple of `alignment`. */
  align(alignment: number): void {
    this.#take((alignment - (this.#at % alignment)) % alignment);
  }

  /** Values of a signature's types. */
  read(signature: string): DbusValue[] {
    return splitSignature(signature).map((type) => this.#value(type, 0));
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw new Error("a D-Bus message is shorter than it says");
    this.#at += size;
    return at;
  }

  #value(type: string, depth: number): DbusValue {
    // The specification's limit is 64.
    if (depth > 64) throw new Error("a D-Bus message is nested too deeply");
    this.align(alignmentOf(type));
    switch (type[0]) {
      case "y":
        return this.#bytes.readUInt8(this.#take(1));
      case "n":
        return this.#bytes.readInt16LE(this.#take(2));
      case "q":
        return this.#bytes.readUInt16LE(this.#take(2));
      case "b":
        return this.#bytes.readUInt32LE(this.#take(4)) !== 0;
      case "i":
        return this.#bytes.readInt32LE(this.#take(4));
      case "u":
        return this.#bytes.readUInt32LE(this.#take(4));
      case "x":
        return this.#bytes.readBigInt64LE(this.#take(8));
      case "t":
        return this.#bytes.readBigUInt64LE(this.#take(8));
      case "s":
      case "o":
        return this.#text(this.#bytes.readUInt32LE(this.#take(4)));
      case "g":
        return this.#text(this.#bytes.readUInt8(this.#take(1)));
      case "v": {
        const signature = this.#text(this.#bytes.readUInt8(this.#take(1)));
        return { signature, value: this.#value(signature, depth + 1) };
      }
      case "a": {
        const length = this.#bytes.readUInt32LE(this.#take(4));
        this.align(alignmentOf(type.slice(1)));
        const end = this.#at + length;
        const values: DbusValue[] = [];
        while (this.#at < end) values.push(this.#value(type.slice(1), depth + 1));
        return values;
      }
      default:
        return splitSignature(type.slice(1, -1)).map((part) => this.#value(part, depth + 1));
    }
  }

  #text(length: number): string {
    const at = this.#take(length + 1);
    return this.#bytes.toString("utf8", at, at + length);
  }
}
