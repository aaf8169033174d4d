import { templateError } from "./failure.ts";
import { callFunction } from "./functions.ts";
import type { Block, Branch, Call, Node, Operand, Pipeline } from "./syntax.ts";
import { entriesOf, fieldOf, isTrue, shortened, show } from "./values.ts";

/**
 * Runs a parsed template over `data`.
 *
 * @throws TsmanError USAGE for a field that is not there, and for calls that make no sense.
 */
export function runTemplate(block: Block, data: unknown): string {
  const run = new Run();
  run.block(block, data, new Scope(undefined, [["$", data]]));
  return run.output;
}

/** Variables; a block sees those of the blocks around it. */
class Scope {
  readonly #outer: Scope | undefined;
  readonly #values: Map<string, unknown>;

  constructor(outer: Scope | undefined, values: readonly (readonly [string, unknown])[] = []) {
    this.#outer = outer;
    this.#values = new Map(values);
  }

  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }

  get(name: string): unknown {
    return this.#values.has(name) ? this.#values.get(name) : this.#outer?.get(name);
  }

  /** Where it was declared. */
  assign(name: string, value: unknown): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else this.#outer?.assign(name, value);
  }
}

/** What a block did besides printing. */
type Jump = "break" | "continue" | undefined;

class Run {
  output = "";

  block(nodes: Block, dot: unknown, scope: Scope): Jump {
    for (const node of nodes) {
      const jump = this.#node(node, dot, scope);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  #node(node: Node, dot: unknown, scope: Scope): Jump {
    switch (node.kind) {
      case "text":
        this.output += node.text;
        return undefined;
      case "print": {
        const value = pipelineValue(node.pipeline, dot, scope);
        if (node.pipeline.variables.length === 0) this.output += show(value);
        return undefined;
      }
      case "range":
        return this.#range(node, dot, scope);
      case "if":
      case "with": {
        const inner = new Scope(scope);
        const value = pipelineValue(node.pipeline, dot, inner);
        if (!isTrue(value)) return this.block(node.otherwise, dot, inner);
        return this.block(node.body, node.kind === "with" ? value : dot, inner);
      }
      default:
        return node.kind;
    }
  }

  #range(node: Branch, dot: unknown, scope: Scope): Jump {
    const { variables, isAssignment, calls } = node.pipeline;
    const inner = new Scope(scope);
    const value = pipelineValue({ variables: [], isAssignment, calls }, dot, inner);
    const entries = entriesOf(value);
    if (entries.length === 0) return this.block(node.otherwise, dot, inner);
    for (const [key, element] of entries) {
      const body = new Scope(inner);
      // One variable is the element, of two the first is the key.
      const values = variables.length === 2 ? [key, element] : [element];
      variables.forEach((name, index) => {
        if (isAssignment) body.assign(name, values[index]);
        else body.declare(name, values[index]);
      });
      if (this.block(node.body, element, body) === "break") break;
    }
    return undefined;
  }
}

function pipelineValue(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
  let piped: readonly unknown[] = [];
  for (const call of pipeline.calls) piped = [callValue(call, piped, dot, scope)];
  const [value] = piped;
  for (const name of pipeline.variables) {
    if (pipeline.isAssignment) scope.assign(name, value);
    else scope.declare(name, value);
  }
  return value;
}

function callValue(
  [first, ...rest]: Call,
  piped: readonly unknown[],
  dot: unknown,
  scope: Scope,
): unknown {
  if (first.kind === "function") {
    if (first.name === "and" || first.name === "or") {
      return decided(first.name, rest, piped, dot, scope);
    }
    const args = rest.map((operand) => operandValue(operand, [], dot, scope));
    return callFunction(first.name, [...args, ...piped]);
  }
  const args = [...rest.map((operand) => operandValue(operand, [], dot, scope)), ...piped];
  return operandValue(first, args, dot, scope);
}

/** Go looks at no operand behind the one that decides. */
function decided(
  name: "and" | "or",
  operands: readonly Operand[],
  piped: readonly unknown[],
  dot: unknown,
  scope: Scope,
): unknown {
  const values: unknown[] = [];
  for (const operand of operands) {
    values.push(operandValue(operand, [], dot, scope));
    if (isTrue(values.at(-1)) === (name === "or")) return values.at(-1);
  }
  return callFunction(name, [...values, ...piped]);
}

/** @param args for a method; anything else takes none */
function operandValue(
  operand: Operand,
  args: readonly unknown[],
  dot: unknown,
  scope: Scope,
): unknown {
  switch (operand.kind) {
    case "literal":
      return operand.value;
    case "function":
      return callFunction(operand.name, []);
    case "dot":
      return follow(dot, operand.path, args);
    case "variable":
      return follow(scope.get(operand.name), operand.path, args);
    case "group":
      return follow(pipelineValue(operand.pipeline, dot, scope), operand.path, args);
  }
}

function follow(start: unknown, path: readonly string[], args: readonly unknown[]): unknown {
  let value = start;
  let isCalled = false;
  path.forEach((name, index) => {
    value = fieldOf(value, name);
    // `.Label "key"` is a method.
    if (typeof value !== "function") return;
    isCalled = index === path.length - 1;
    value = (value as (...all: readonly unknown[]) => unknown)(...(isCalled ? args : []));
  });
  if (args.length > 0 && !isCalled) {
    const what = path.length === 0 ? shortened(start) : `.${path.join(".")}`;
    throw templateError(`${what} takes no argument: it is no function`);
  }
  return value;
}
