/** A piece of a template's text, as the lexer cuts it. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly Token[] };

/** A word of an action. */
export interface Token {
  readonly kind: "field" | "variable" | "name" | "literal" | "mark";
  /** As written; of a field without its dot, of a variable with its `$`. */
  readonly text: string;
  /** Of a literal. */
  readonly value?: unknown;
  /** White space stands before it: `.A.B` is a chain, `.A .B` are two operands. */
  readonly isApart: boolean;
}

/** A template, or the body of one of its actions. */
export type Block = readonly Node[];

/** A part of a template. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | Branch
  | { readonly kind: "break" }
  | { readonly kind: "continue" };

/** An action with a body. */
export interface Branch {
  readonly kind: "if" | "with" | "range";
  readonly pipeline: Pipeline;
  readonly body: Block;
  readonly otherwise: Block;
}

/** Calls from left to right; each one's result is the next one's last argument. */
export interface Pipeline {
  /** `$x :=`, or of a range `$index, $element :=`. */
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly isAssignment: boolean;
  readonly calls: readonly Call[];
}

/** A function, or an operand, with its arguments. */
export type Call = readonly [Operand, ...Operand[]];

/** One operand. */
export type Operand =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "function"; readonly name: string }
  /** `.A.B`; without a path: `.` */
  | { readonly kind: "dot"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "group"; readonly pipeline: Pipeline; readonly path: readonly string[] };
