/** RFC 8259, 2 and 3: what is no string. */
const token =
  /([{}[\],:])|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;
const blanks = /[ \t\n\r]*/y;
/** RFC 8259, 7, and what is in no string without them; to match all of a long one takes too much stack. */
const escapes = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/g;
const notInString = /[\u0000-\u001f\\]/;

type Expected = "value" | "value or ]" | "name" | "name or }" | "colon" | "comma";

/**
 * Where a text stops to be JSON, by line and column, counted from one; undefined where it ends too
 * early, or is right.
 *
 * JSON.parse has judged it: the one of V8 says where in a message that quotes the document, which may
 * hold anything, and that of JavaScriptCore does not say.
 */
export function jsonFaultPlace(text: string): { line: number; column: number } | undefined {
  const open: string[] = [];
  let expected: Expected = "value";
  let at = 0;
  for (;;) {
    at = afterBlanks(text, at);
    if (at === text.length) return undefined;
    // Behind the one value that there is.
    if (expected === "comma" && open.length === 0) return placeOf(text, at);
    const isString = text[at] === '"';
    const end = isString ? afterString(text, at) : afterToken(text, at);
    const mark = /[{}[\],:]/.test(text[at] ?? "") ? text[at] : undefined;
    const next: Expected | undefined =
      end === undefined ? undefined : follow(expected, mark, isString, open);
    if (end === undefined || next === undefined) return placeOf(text, at);
    expected = next;
    at = end;
  }
}

function afterBlanks(text: string, at: number): number {
  blanks.lastIndex = at;
  blanks.exec(text);
  return blanks.lastIndex;
}

function afterToken(text: string, at: number): number | undefined {
  token.lastIndex = at;
  return token.test(text) ? token.lastIndex : undefined;
}

function afterString(text: string, at: number): number | undefined {
  const end = endOfString(text, at);
  const isWhole =
    end < text.length && !notInString.test(text.slice(at + 1, end).replace(escapes, ""));
  return isWhole ? end + 1 : undefined;
}

/** Index of the quote that ends the string which starts at `start`. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
}

/** What may come after a token; undefined: that token may not stand there. */
function follow(
  expected: Expected,
  mark: string | undefined,
  isString: boolean,
  open: string[],
): Expected | undefined {
  const inside = open.at(-1);
  const isValue = expected === "value" || expected === "value or ]";
  switch (mark) {
    case undefined:
      if (isValue) return "comma";
      return isString && expected.startsWith("name") ? "colon" : undefined;
    case "{":
    case "[":
      if (!isValue) return undefined;
      open.push(mark);
      return mark === "{" ? "name or }" : "value or ]";
    case "}":
    case "]": {
      const isEnd = expected === "comma" || expected.endsWith(mark);
      if (!isEnd || inside !== (mark === "}" ? "{" : "[")) return undefined;
      open.pop();
      return "comma";
    }
    case ":":
      return expected === "colon" ? "value" : undefined;
    default:
      if (expected !== "comma" || inside === undefined) return undefined;
      return inside === "{" ? "name" : "value";
  }
}

function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}
