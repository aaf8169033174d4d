import { usageError } from "../usage-error.ts";

// A small part of Go's text/template: what people write after `--format`.  Fields, `json`, `join`,
// `index`, `len`, `upper`, `lower`, `printf`, comparisons, `if`/`else`, `range`, pipelines.

type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if";
      readonly pipeline: Pipeline;
      readonly body: Node[];
      readonly otherwise: Node[];
    }
  | {
      readonly kind: "range";
      readonly pipeline: Pipeline;
      readonly body: Node[];
      readonly otherwise: Node[];
    };

/** Calls from left to right; each one's result is the next one's last argument. */
type Pipeline = readonly Call[];
type Call = readonly Term[];
type Term =
  | { readonly kind: "field"; readonly path: readonly string[]; readonly isRoot: boolean }
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "group"; readonly pipeline: Pipeline; readonly path: readonly string[] };

/** A compiled template. */
export type Template = (data: unknown) => string;

/**
 * Compiles a `--format` template.
 *
 * @throws TsmanError USAGE when it is malformed; the template when run, for a field there is not.
 */
export function compileTemplate(source: string): Template {
  // A shell's single quotes leave `\t` as two characters; everybody writes it so.
  const text = source.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const nodes = new TemplateParser(text).parse();
  return (data) => render(nodes, data, data);
}

function fail(why: string): never {
  throw usageError(
    `parse --format: ${why}`,
    "write it like {{.Field}}, {{json .}} or {{range .List}}{{.}} {{end}}",
  );
}

class TemplateParser {
  readonly #pieces: readonly string[];
  #position = 0;

  constructor(text: string) {
    this.#pieces = text.split(/(\{\{-?[\s\S]*?-?\}\})/);
  }

  parse(): Node[] {
    const { nodes, end } = this.#block();
    if (end !== undefined) fail(`{{${end}}} without a beginning`);
    return nodes;
  }

  #block(): { nodes: Node[]; end: string | undefined } {
    const nodes: Node[] = [];
    while (this.#position < this.#pieces.length) {
      const piece = this.#pieces[this.#position] as string;
      this.#position += 1;
      if (!(piece.startsWith("{{") && piece.endsWith("}}") && piece.length >= 4)) {
        if (piece.includes("{{")) fail("{{ is not closed");
        if (piece !== "") nodes.push({ kind: "text", text: this.#trimmed(piece) });
        continue;
      }
      const action = piece
        .slice(2, -2)
        .replace(/^-\s|\s-$/g, "")
        .trim();
      const [word = ""] = action.split(/\s/, 1);
      if (action.startsWith("/*")) continue;
      if (word === "end" || word === "else") return { nodes, end: action };
      if (word === "if" || word === "range") {
        const pipeline = parsePipeline(action.slice(word.length));
        const body = this.#block();
        let otherwise: Node[] = [];
        if (body.end === "else") {
          const second = this.#block();
          if (second.end !== "end") fail(`{{${word}}} has no {{end}}`);
          otherwise = second.nodes;
        } else if (body.end !== "end") fail(`{{${word}}} has no {{end}}`);
        nodes.push(
          word === "if"
            ? { kind: "if", pipeline, body: body.nodes, otherwise }
            : { kind: "range", pipeline, body: body.nodes, otherwise },
        );
      } else {
        nodes.push({ kind: "value", pipeline: parsePipeline(action) });
      }
    }
    return { nodes, end: undefined };
  }

  /** `{{- ` and ` -}}` take the white space beside them away. */
  #trimmed(text: string): string {
    const before = this.#pieces[this.#position - 2];
    const after = this.#pieces[this.#position];
    let result = text;
    if (before !== undefined && /\s-\}\}$/.test(before)) result = result.trimStart();
    if (after !== undefined && /^\{\{-\s/.test(after)) result = result.trimEnd();
    return result;
  }
}

const tokenPattern =
  /\s*(?:("(?:[^"\\]|\\.)*")|`([^`]*)`|(-?\d+(?:\.\d+)?)|(\$?(?:\.[A-Za-z_]\w*)+|\$|\.)|([A-Za-z_]\w*)|([()|]))/y;

interface Token {
  readonly kind: "literal" | "field" | "name" | "mark";
  readonly text: string;
  readonly value?: unknown;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < text.trimEnd().length) {
    const start = tokenPattern.lastIndex;
    const match = tokenPattern.exec(text);
    if (match === null) fail(`cannot read ${JSON.stringify(text.slice(start).trim())}`);
    const [, quoted, raw, number, field, name, mark] = match;
    if (quoted !== undefined)
      tokens.push({ kind: "literal", text: quoted, value: unquote(quoted) });
    else if (raw !== undefined) tokens.push({ kind: "literal", text: raw, value: raw });
    else if (number !== undefined)
      tokens.push({ kind: "literal", text: number, value: Number(number) });
    else if (field !== undefined) tokens.push({ kind: "field", text: field });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark });
  }
  return tokens;
}

function unquote(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(`cannot read ${text}`);
  }
}

function parsePipeline(text: string): Pipeline {
  const tokens = tokenize(text);
  const { pipeline, next } = pipelineFrom(tokens, 0);
  if (next < tokens.length) fail(`unexpected ${tokens[next]?.text}`);
  return pipeline;
}

function pipelineFrom(
  tokens: readonly Token[],
  start: number,
): { pipeline: Pipeline; next: number } {
  const calls: Call[] = [];
  let terms: Term[] = [];
  let position = start;
  for (; position < tokens.length; position += 1) {
    const token = tokens[position] as Token;
    if (token.kind === "mark" && token.text === ")") break;
    if (token.kind === "mark" && token.text === "|") {
      if (terms.length === 0) fail("nothing before |");
      calls.push(terms);
      terms = [];
    } else if (token.kind === "mark") {
      const inner = pipelineFrom(tokens, position + 1);
      if (tokens[inner.next]?.text !== ")") fail("( is not closed");
      position = inner.next;
      const after = tokens[position + 1];
      const hasPath =
        after?.kind === "field" && after.text.length > 1 && after.text.startsWith(".");
      terms.push({
        kind: "group",
        pipeline: inner.pipeline,
        path: hasPath ? after.text.slice(1).split(".") : [],
      });
      if (hasPath) position += 1;
    } else if (token.kind === "field") {
      const isRoot = token.text.startsWith("$");
      const path = token.text
        .replace(/^\$/, "")
        .split(".")
        .filter((part) => part !== "");
      terms.push({ kind: "field", path, isRoot });
    } else if (token.kind === "literal") terms.push({ kind: "literal", value: token.value });
    else terms.push({ kind: "name", name: token.text });
  }
  if (terms.length === 0) fail(calls.length === 0 ? "an empty action" : "nothing after |");
  calls.push(terms);
  return { pipeline: calls, next: position };
}

function render(nodes: readonly Node[], dot: unknown, root: unknown): string {
  let result = "";
  for (const node of nodes) {
    if (node.kind === "text") result += node.text;
    else {
      const value = evaluate(node.pipeline, dot, root);
      if (node.kind === "value") result += show(value);
      else if (node.kind === "if")
        result += render(isTrue(value) ? node.body : node.otherwise, dot, root);
      else {
        const items = listOf(value);
        if (items.length === 0) result += render(node.otherwise, dot, root);
        for (const item of items) result += render(node.body, item, root);
      }
    }
  }
  return result;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function evaluate(pipeline: Pipeline, dot: unknown, root: unknown): unknown {
  let piped: unknown[] = [];
  for (const call of pipeline) {
    const [first, ...rest] = call as readonly [Term, ...Term[]];
    const args = [...rest.map((term) => termValue(term, dot, root)), ...piped];
    if (first.kind === "name") piped = [callFunction(first.name, args)];
    else {
      const value = termValue(first, dot, root);
      // `.Label "key"`: Podman's one method with an argument.
      piped = [
        typeof value === "function" ? (value as (...all: unknown[]) => unknown)(...args) : value,
      ];
    }
  }
  return piped[0];
}

function termValue(term: Term, dot: unknown, root: unknown): unknown {
  switch (term.kind) {
    case "literal":
      return term.value;
    case "field":
      return fieldOf(term.isRoot ? root : dot, term.path);
    case "group":
      return fieldOf(evaluate(term.pipeline, dot, root), term.path);
    case "name":
      if (term.name === "true" || term.name === "false") return term.name === "true";
      if (term.name === "nil") return null;
      return callFunction(term.name, []);
  }
}

function fieldOf(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const part of path) {
    if (current === null || current === undefined) return undefined;
    if (typeof current !== "object") fail(`no field .${part} in ${show(current)}`);
    const record = current as Readonly<Record<string, unknown>>;
    const key = Object.hasOwn(record, part)
      ? part
      : Object.keys(record).find((name) => name.toLowerCase() === part.toLowerCase());
    if (key === undefined) {
      // A map of the user's own (labels) has the keys it has; a document has fixed ones.
      const names = Object.keys(record);
      fail(
        `no field .${part}${names.length > 0 && names.length <= 60 ? `; there are ${names.map((name) => `.${name}`).join(" ")}` : ""}`,
      );
    }
    current = record[key];
  }
  return current;
}

function callFunction(name: string, args: readonly unknown[]): unknown {
  const [first, second] = args;
  switch (name) {
    case "json":
      return JSON.stringify(first);
    case "len":
      return typeof first === "string" ? first.length : listOf(first).length;
    case "upper":
      return show(first).toUpperCase();
    case "lower":
      return show(first).toLowerCase();
    case "title":
      return show(first).replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
    case "join":
      return listOf(first)
        .map(show)
        .join(show(second ?? ","));
    case "split":
      return show(first).split(show(second ?? ","));
    case "index":
      return args.slice(1).reduce<unknown>((value, key) => element(value, key), first);
    case "eq":
      return args.slice(1).some((other) => first === other);
    case "ne":
      return first !== second;
    case "not":
      return !isTrue(first);
    case "and":
      return args.find((value) => !isTrue(value)) ?? args.at(-1);
    case "or":
      return args.find(isTrue) ?? args.at(-1);
    case "print":
      return args.map(show).join(" ");
    case "println":
      return `${args.map(show).join(" ")}\n`;
    case "printf":
      return printf(show(first), args.slice(1));
    default:
      return fail(`unknown function ${JSON.stringify(name)}`);
  }
}

function element(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) return typeof key === "number" ? value[key] : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const record = value as Readonly<Record<string, unknown>>;
  return Object.hasOwn(record, show(key)) ? record[show(key)] : undefined;
}

function printf(format: string, args: readonly unknown[]): string {
  let next = 0;
  return format.replace(/%(-?\d+)?([%svdq])/g, (_, width: string | undefined, verb: string) => {
    if (verb === "%") return "%";
    const value = args[next];
    next += 1;
    const text = verb === "q" ? JSON.stringify(show(value)) : show(value);
    if (width === undefined) return text;
    return width.startsWith("-") ? text.padEnd(-Number(width)) : text.padStart(Number(width));
  });
}

/** Go's idea of truth: not the zero value. */
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Go's %v. */
function show(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, item]) => `${key}:${show(item)}`);
    return `map[${pairs.join(" ")}]`;
  }
  return String(value as string | number | boolean);
}
