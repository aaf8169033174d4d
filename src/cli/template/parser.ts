import { templateError } from "./failure.ts";
import { functionNames } from "./functions.ts";
import { lexTemplate } from "./lexer.ts";
import type { Block, Branch, Call, Node, Operand, Piece, Pipeline, Token } from "./syntax.ts";

/**
 * Parses a template.
 *
 * @throws TsmanError USAGE
 */
export function parseTemplate(source: string): Block {
  return new Parser(lexTemplate(source)).parse();
}

/** Where a block ended, and the words of the `else` after its first. */
interface Ended {
  readonly nodes: Block;
  readonly end: "end" | "else" | undefined;
  readonly rest: readonly Token[];
}

const branches = ["if", "with", "range"] as const;
/** Actions and parentheses in each other; more than anybody writes, and than the stack holds. */
const mostNesting = 200;

class Parser {
  readonly #pieces: readonly Piece[];
  #position = 0;
  /** Those that may be used here; `$` is the data. */
  #variables: readonly string[] = ["$"];
  #rangeDepth = 0;
  #depth = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  parse(): Block {
    const { nodes, end } = this.#block();
    if (end !== undefined) throw templateError(`{{${end}}} without a beginning`);
    return nodes;
  }

  #block(): Ended {
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#position];
      this.#position += 1;
      if (piece === undefined) return { nodes, end: undefined, rest: [] };
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens as readonly [Token, ...Token[]];
      const word = first.kind === "name" ? first.text : "";
      if (word === "end" || word === "else") {
        if (word === "end" && rest.length > 0) throw unexpected(rest[0], "{{end}}");
        return { nodes, end: word, rest };
      }
      nodes.push(this.#action(word, piece.tokens, rest));
    }
  }

  #action(word: string, tokens: readonly Token[], rest: readonly Token[]): Node {
    const branch = branches.find((one) => one === word);
    if (branch !== undefined) return this.#nested(() => this.#branch(branch, rest));
    if (word === "break" || word === "continue") {
      if (rest.length > 0) throw unexpected(rest[0], `{{${word}}}`);
      if (this.#rangeDepth === 0) throw templateError(`{{${word}}} outside of {{range}}`);
      return { kind: word };
    }
    if (word === "define" || word === "template" || word === "block") {
      throw templateError(
        `{{${word}}} is not supported: a --format is one template`,
        "write its text where it is wanted",
      );
    }
    return { kind: "print", pipeline: this.#pipeline(tokens, 1) };
  }

  #branch(kind: Branch["kind"], tokens: readonly Token[]): Branch {
    const outer = this.#variables;
    const pipeline = this.#pipeline(tokens, kind === "range" ? 2 : 1, kind);
    this.#rangeDepth += kind === "range" ? 1 : 0;
    const inner = this.#variables;
    const body = this.#block();
    this.#rangeDepth -= kind === "range" ? 1 : 0;
    if (body.end === undefined) throw templateError(`{{${kind}}} has no {{end}}`);
    this.#variables = inner;
    const otherwise = body.end === "else" ? this.#otherwise(kind, body.rest) : [];
    // What a branch declares is gone behind its end.
    this.#variables = outer;
    return { kind, pipeline, body: body.nodes, otherwise };
  }

  #otherwise(kind: Branch["kind"], rest: readonly Token[]): Block {
    const [next, ...condition] = rest;
    if (next !== undefined) {
      // {{else if …}} holds a branch that shares the {{end}}.
      if (next.kind !== "name" || next.text !== kind || kind === "range") {
        throw unexpected(next, "{{else}}");
      }
      return [this.#nested(() => this.#branch(kind, condition))];
    }
    const { nodes, end } = this.#block();
    if (end === "else") throw templateError(`{{${kind}}} has two {{else}}`);
    if (end === undefined) throw templateError(`{{${kind}}} has no {{end}}`);
    return nodes;
  }

  /** @param most how many variables it may declare */
  #pipeline(tokens: readonly Token[], most: number, where = "the action"): Pipeline {
    const { variables, isAssignment, length } = declaration(tokens, most);
    const stream = new TokenStream(tokens, length);
    const calls = this.#calls(stream, where);
    if (stream.peek() !== undefined) throw unexpected(stream.peek(), where);
    for (const name of variables) {
      if (isAssignment) this.#known(name);
    }
    if (!isAssignment) this.#variables = [...this.#variables, ...variables];
    return { variables, isAssignment, calls };
  }

  /** Up to a closing parenthesis or the end. */
  #calls(stream: TokenStream, where: string): Call[] {
    const calls: Call[] = [];
    for (;;) {
      const operands: Operand[] = [];
      for (let token = stream.peek(); token !== undefined; token = stream.peek()) {
        if (token.kind === "mark" && (token.text === "|" || token.text === ")")) break;
        operands.push(this.#operand(stream));
      }
      const [first, ...rest] = operands;
      if (first === undefined) {
        throw templateError(calls.length === 0 ? `nothing in ${where}` : "nothing after |");
      }
      if (first.kind === "literal" && (rest.length > 0 || calls.length > 0)) {
        throw templateError(`${JSON.stringify(first.value)} is no function`);
      }
      calls.push([first, ...rest]);
      if (stream.peek()?.text !== "|" || stream.peek()?.kind !== "mark") return calls;
      stream.next();
    }
  }

  #operand(stream: TokenStream): Operand {
    const token = stream.next() as Token;
    switch (token.kind) {
      case "literal":
        return { kind: "literal", value: token.value };
      case "field":
        return {
          kind: "dot",
          path: [...(token.text === "" ? [] : [token.text]), ...chain(stream)],
        };
      case "variable":
        this.#known(token.text);
        return { kind: "variable", name: token.text, path: chain(stream) };
      case "name":
        return named(token.text);
      case "mark": {
        if (token.text !== "(") throw unexpected(token, "an operand");
        const calls = this.#nested(() => this.#calls(stream, "( )"));
        if (stream.next()?.text !== ")") throw templateError("( is not closed");
        const pipeline = { variables: [], isAssignment: false, calls };
        return { kind: "group", pipeline, path: chain(stream) };
      }
    }
  }

  #nested<T>(parse: () => T): T {
    if (this.#depth >= mostNesting) throw templateError("it is nested too deeply");
    this.#depth += 1;
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  #known(name: string): void {
    if (this.#variables.includes(name)) return;
    throw templateError(
      `undefined variable ${JSON.stringify(name)}`,
      `set it first: {{${name} := .Field}}`,
    );
  }
}

class TokenStream {
  readonly #tokens: readonly Token[];
  #position: number;

  constructor(tokens: readonly Token[], position: number) {
    this.#tokens = tokens;
    this.#position = position;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#position];
  }

  next(): Token | undefined {
    this.#position += 1;
    return this.#tokens[this.#position - 1];
  }
}

/** `$x :=`, `$x =`, `$i, $e :=` at the beginning; `length` in tokens. */
function declaration(tokens: readonly Token[], most: number) {
  const [first, comma, second] = tokens;
  const isPair = comma?.kind === "mark" && comma.text === "," && second?.kind === "variable";
  const length = isPair ? 3 : 1;
  const sign = tokens[length];
  const isDeclared =
    first?.kind === "variable" &&
    sign?.kind === "mark" &&
    (sign.text === ":=" || sign.text === "=");
  if (!isDeclared) return { variables: [], isAssignment: false, length: 0 };
  if (isPair && most < 2) throw templateError("two variables outside of {{range}}");
  const variables = isPair ? [first.text, second.text] : [first.text];
  return { variables, isAssignment: sign.text === "=", length: length + 1 };
}

/** `.A.B` right behind an operand. */
function chain(stream: TokenStream): string[] {
  const path: string[] = [];
  for (let next = stream.peek(); next?.kind === "field" && !next.isApart; next = stream.peek()) {
    if (next.text === "") throw unexpected(next, "an operand");
    path.push(next.text);
    stream.next();
  }
  return path;
}

function named(name: string): Operand {
  if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
  if (name === "nil") return { kind: "literal", value: null };
  if (functionNames.includes(name)) return { kind: "function", name };
  throw templateError(
    `unknown function ${JSON.stringify(name)}`,
    `a field begins with a dot: {{.${name}}}; functions are: ${functionNames.join(" ")}`,
  );
}

function unexpected(token: Token | undefined, where: string): Error {
  const shown = token?.kind === "field" ? `.${token.text}` : (token?.text ?? "");
  return templateError(`unexpected ${JSON.stringify(shown)} in ${where}`);
}
