/** RFC 8259, 2: blanks, and what may follow them. */
const token =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))/y;

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
    token.lastIndex = at;
    const match = token.exec(text);
    const [all = "", mark, string] = match ?? [];
    const next: Expected | undefined =
      match === null ? undefined : follow(expected, mark, string !== undefined, open);
    if (next === undefined) return placeOf(text, at);
    expected = next;
    at += all.length;
    if (expected === "comma" && open.length === 0) return placeOf(text, at);
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

/** Of what stands there after blanks. */
function placeOf(text: string, from: number): { line: number; column: number } | undefined {
  const blanks = /[ \t\n\r]*/y;
  blanks.lastIndex = from;
  blanks.exec(text);
  const at = Math.max(blanks.lastIndex, from);
  if (at >= text.length) return undefined;
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  return { line, column: at - before.lastIndexOf("\n") };
}
