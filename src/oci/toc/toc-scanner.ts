/** A text that the document holds, where it stands. */
export interface ScannedText {
  readonly start: number;
  readonly end: number;
  /** As it stands there is not what it means. */
  readonly hasEscapes: boolean;
}

const quote = 0x22;
const backslash = 0x5c;
const maxDepth = 64;

/**
 * Reads JSON where it stands, in bytes.
 *
 * A table of contents has hundreds of thousands of strings, of which few are wanted.  JSON.parse
 * would put each into V8's table of strings, which somebody can fill with ones that are alike (see
 * `maxStrings` in document.ts); so nothing becomes a string here before it is asked for.
 *
 * Every method throws a SyntaxError for what is not there.
 */
export class TocScanner {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /**
   * Calls `member` with the name of each member of an object; it reads the value, or lets it be
   * skipped by returning false.
   */
  object(member: (name: string | undefined) => boolean, names: readonly Buffer[]): void {
    this.#expect(0x7b);
    if (this.#takes(0x7d)) return;
    do {
      this.#space();
      const text = this.text();
      const name = names.find((known) => this.is(text, known));
      this.#expect(0x3a);
      if (!member(name?.toString("latin1"))) this.#skip();
    } while (this.#takes(0x2c));
    this.#expect(0x7d);
  }

  /** Calls `element` before each element of an array, which it reads. */
  array(element: () => void): void {
    this.#expect(0x5b);
    if (this.#takes(0x5d)) return;
    do element();
    while (this.#takes(0x2c));
    this.#expect(0x5d);
  }

  /** A string. */
  text(): ScannedText {
    this.#space();
    if (this.bytes[this.#at] !== quote) throw this.#unexpected();
    const start = this.#at + 1;
    let hasEscapes = false;
    for (let at = start; at < this.bytes.length; at += 1) {
      const byte = this.bytes[at];
      if (byte === quote) {
        this.#at = at + 1;
        return { start, end: at, hasEscapes };
      }
      if (byte === backslash) {
        hasEscapes = true;
        at += 1;
      }
    }
    throw this.#unexpected();
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(): number {
    this.#space();
    const start = this.#at;
    let value = 0;
    for (;;) {
      const digit = (this.bytes[this.#at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > Number.MAX_SAFE_INTEGER) throw this.#unexpected();
      this.#at += 1;
    }
    // A fraction or an exponent is met by whoever expects a comma behind it.
    if (this.#at === start) throw this.#unexpected();
    return value;
  }

  /** Whether a text is these bytes. */
  is({ start, end }: ScannedText, expected: Buffer): boolean {
    return (
      end - start === expected.length &&
      this.bytes.compare(expected, 0, expected.length, start, end) === 0
    );
  }

  /** A string, or undefined for any other value. */
  textOrNothing(): ScannedText | undefined {
    this.#space();
    if (this.bytes[this.#at] === quote) return this.text();
    this.#skip();
    return undefined;
  }

  /** Whether another value follows. */
  get hasMore(): boolean {
    this.#space();
    return this.#at < this.bytes.length;
  }

  /** A text without escapes, as it is. */
  string({ start, end }: ScannedText): string {
    return this.bytes.toString("utf8", start, end);
  }

  /** Nothing follows. */
  finish(): void {
    this.#space();
    if (this.#at < this.bytes.length) throw this.#unexpected();
  }

  /** Any value; only has to find its end, since what is skipped counts for nothing. */
  #skip(): void {
    let depth = 0;
    do {
      this.#space();
      const byte = this.bytes[this.#at];
      if (byte === quote) {
        this.text();
      } else if (byte === 0x7b || byte === 0x5b) {
        depth += 1;
        if (depth > maxDepth) throw this.#unexpected();
        this.#at += 1;
      } else if (byte === 0x7d || byte === 0x5d) {
        depth -= 1;
        this.#at += 1;
      } else if (depth > 0 && (byte === 0x2c || byte === 0x3a)) {
        this.#at += 1;
      } else {
        this.#word();
      }
    } while (depth > 0);
    if (depth < 0) throw this.#unexpected();
  }

  /** A number, true, false or null. */
  #word(): void {
    const start = this.#at;
    for (let byte = this.bytes[this.#at] ?? 0; isWordByte(byte); byte = this.bytes[this.#at] ?? 0) {
      this.#at += 1;
    }
    if (this.#at === start) throw this.#unexpected();
  }

  #space(): void {
    for (let byte = this.bytes[this.#at]; isSpace(byte); byte = this.bytes[this.#at]) this.#at += 1;
  }

  #takes(byte: number): boolean {
    this.#space();
    if (this.bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  #expect(byte: number): void {
    if (!this.#takes(byte)) throw this.#unexpected();
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`not a table of contents: at byte ${this.#at}`);
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isWordByte(byte: number): boolean {
  const isLetter = byte >= 0x61 && byte <= 0x7a;
  const isDigit = byte >= 0x30 && byte <= 0x39;
  return isLetter || isDigit || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45;
}
