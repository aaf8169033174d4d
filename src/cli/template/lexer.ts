import { templateError } from "./failure.ts";
import type { Piece, Token } from "./syntax.ts";

const open = "{{";
const close = "}}";

/**
 * Cuts a template into text and actions; https://pkg.go.dev/text/template, "Text and spaces" and
 * "Actions".  Comments are gone, trim markers have done their work, and in text `\t` and `\n` are
 * tab and newline: a shell's single quotes leave them as two characters, and everybody writes so.
 *
 * @throws TsmanError USAGE
 */
export function lexTemplate(source: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  let trimsNext = false;
  const addText = (end: number, trimsEnd: boolean): void => {
    let text = source.slice(position, end).replaceAll("\\t", "\t").replaceAll("\\n", "\n");
    if (trimsNext) text = text.replace(/^[ \t\r\n]+/, "");
    if (trimsEnd) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") pieces.push({ kind: "text", text });
  };
  for (;;) {
    const start = source.indexOf(open, position);
    if (start < 0) {
      addText(source.length, false);
      return pieces;
    }
    const trimsBefore = /^-[ \t\r\n]/.test(source.slice(start + 2, start + 4));
    addText(start, trimsBefore);
    const lexer = new ActionLexer(source, start + (trimsBefore ? 3 : 2));
    if (lexer.skipComment() === undefined) {
      const tokens = lexer.tokens();
      if (tokens.length === 0) throw templateError("an empty action");
      pieces.push({ kind: "action", tokens });
    }
    ({ trimsNext, position } = lexer.end());
  }
}

const word = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const number =
  /[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y;
const spaces = /[ \t\r\n]*/y;

class ActionLexer {
  readonly #source: string;
  #position: number;

  constructor(source: string, position: number) {
    this.#source = source;
    this.#position = position;
  }

  /** Goes behind a comment, if the action is one; undefined if not. */
  skipComment(): true | undefined {
    this.#match(spaces);
    if (!this.#source.startsWith("/*", this.#position)) return undefined;
    const end = this.#source.indexOf("*/", this.#position + 2);
    if (end < 0) throw templateError("the comment {{/* is not closed", "close it: */}}");
    this.#position = end + 2;
    if (this.#atEnd()) return true;
    throw templateError("a comment must fill its action", "write {{/* … */}} alone");
  }

  tokens(): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      const isApart = this.#match(spaces) !== "";
      if (this.#atEnd()) return tokens;
      if (this.#position >= this.#source.length)
        throw templateError("{{ is not closed", "close it: }}");
      tokens.push({ ...this.#token(), isApart });
    }
  }

  /** Where the action ends, and whether it trims the text behind. */
  end(): { readonly trimsNext: boolean; readonly position: number } {
    this.#match(spaces);
    const trimsNext = this.#source[this.#position] === "-";
    return { trimsNext, position: this.#position + close.length + (trimsNext ? 1 : 0) };
  }

  /** At `}}`, or at ` -}}`. */
  #atEnd(): boolean {
    this.#match(spaces);
    const { [this.#position - 1]: before = "" } = this.#source;
    if (this.#source.startsWith(close, this.#position)) return true;
    return this.#source.startsWith(`-${close}`, this.#position) && /[ \t\r\n]/.test(before);
  }

  #token(): Omit<Token, "isApart"> {
    const start = this.#position;
    const char = this.#source[start] as string;
    if (char === '"' || char === "'") return this.#quoted(char);
    if (char === "`") {
      const end = this.#source.indexOf("`", start + 1);
      if (end < 0) throw templateError("` is not closed");
      this.#position = end + 1;
      const text = this.#source.slice(start + 1, end);
      return { kind: "literal", text, value: text };
    }
    const digits = this.#match(number);
    if (digits !== undefined) return { kind: "literal", text: digits, value: this.#number(digits) };
    if (char === ".") {
      this.#position += 1;
      return { kind: "field", text: this.#match(word) ?? "" };
    }
    if (char === "$") {
      this.#position += 1;
      return { kind: "variable", text: `$${this.#match(word) ?? ""}` };
    }
    const name = this.#match(word);
    if (name !== undefined) return { kind: "name", text: name };
    for (const mark of [":=", "=", "|", "(", ")", ","]) {
      if (!this.#source.startsWith(mark, start)) continue;
      this.#position += mark.length;
      return { kind: "mark", text: mark };
    }
    throw this.#unreadable(start);
  }

  #quoted(quote: string): Omit<Token, "isApart"> {
    const start = this.#position;
    for (let at = start + 1; at < this.#source.length; at += 1) {
      const char = this.#source[at];
      if (char === "\\") at += 1;
      else if (char === "\n") break;
      else if (char === quote) {
        this.#position = at + 1;
        const text = this.#source.slice(start, at + 1);
        const value = unquote(text);
        // 'a' is a number in Go: the character's.
        return { kind: "literal", text, value: quote === "'" ? value.codePointAt(0) : value };
      }
    }
    throw templateError(`${quote} is not closed: ${this.#source.slice(start, start + 20)}`);
  }

  #number(digits: string): number {
    const plain = digits.replaceAll("_", "").replace(/^[+]/, "");
    const value = plain.startsWith("-") ? -Number(plain.slice(1)) : Number(plain);
    if (Number.isNaN(value)) throw templateError(`${digits} is no number`);
    return value;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #unreadable(start: number): Error {
    const rest = this.#source.slice(start).split(close, 1)[0]?.trim() ?? "";
    if (rest.startsWith("-")) {
      return templateError(
        `cannot read ${JSON.stringify(rest)}: a field's name has no "-"`,
        'write {{index .Map "a-key"}} for such a key',
      );
    }
    return templateError(`cannot read ${JSON.stringify(rest)}`);
  }
}

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** A string as Go writes it: https://go.dev/ref/spec#String_literals. */
function unquote(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(
      /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/gsu,
      (_, x?: string, u?: string, long?: string, octal?: string, letter?: string) => {
        const hexadecimal = x ?? u ?? long;
        const code =
          hexadecimal === undefined ? parseInt(octal ?? "", 8) : parseInt(hexadecimal, 16);
        const text = letter === undefined ? character(code) : escapes[letter];
        if (text === undefined) throw templateError(`cannot read ${quoted}`);
        return text;
      },
    );
}

function character(code: number): string | undefined {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
