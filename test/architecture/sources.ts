import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Comment, type Node, type Program, parseSync, Visitor } from "oxc-parser";

/** The checkout under test. */
export const root = join(import.meta.dirname, "../..");

/** One TypeScript file, parsed. */
export interface Source {
  /** Below the checkout: `src/oci/digest.ts`. */
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly Comment[];
}

/** All of src/, parsed. */
export function readSources(): readonly Source[] {
  return globSync("src/**/*.ts", { cwd: root })
    .sort()
    .map((path) => parseSource(path, readFileSync(join(root, path), "utf8")));
}

/** Parses one file. */
export function parseSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`parse ${path}: ${errors[0]?.message}`);
  return { path, text, program, comments };
}

/** `path:line` of a node, as an editor takes it. */
export function at(source: Source, node: { readonly start: number }): string {
  return `${source.path}:${source.text.slice(0, node.start).split("\n").length}`;
}

/** Where `object.property` is read or written, for example `process.env`. */
export function membersOf(source: Source, object: string, properties: readonly string[]): string[] {
  const found: string[] = [];
  if (declaresItsOwn(source, object)) return found;
  new Visitor({
    MemberExpression(node) {
      const property = nameOf(node.property);
      if (nameOf(node.object) === object && property !== undefined && properties.includes(property))
        found.push(at(source, node));
    },
    // `const { env } = process` reads it as well.
    VariableDeclarator(node) {
      if (node.init === null || nameOf(node.init) !== object || node.id.type !== "ObjectPattern")
        return;
      for (const property of node.id.properties) {
        const name = property.type === "Property" ? nameOf(property.key) : undefined;
        if (name !== undefined && properties.includes(name)) found.push(at(source, property));
      }
    },
    ImportDeclaration(node) {
      if (node.source.value !== `node:${object}` && node.source.value !== object) return;
      for (const specifier of node.specifiers) {
        const name = specifier.type === "ImportSpecifier" ? nameOf(specifier.imported) : undefined;
        if (name !== undefined && properties.includes(name)) found.push(at(source, specifier));
      }
    },
  }).visit(source.program);
  return found;
}

/** Whether the file means something of its own by `name`, such as the `process` of an OCI config. */
function declaresItsOwn(source: Source, name: string): boolean {
  let isDeclared = false;
  const declare = (pattern: Node) => {
    if (pattern.type === "ObjectPattern") {
      for (const property of pattern.properties) {
        if (property.type === "Property") declare(property.value);
      }
    } else if (nameOf(pattern) === name) isDeclared = true;
  };
  const declareParameters = (node: { readonly params: readonly Node[] }) => {
    for (const parameter of node.params) declare(parameter);
  };
  new Visitor({
    VariableDeclarator: (node) => declare(node.id),
    FunctionDeclaration: declareParameters,
    FunctionExpression: declareParameters,
    ArrowFunctionExpression: declareParameters,
  }).visit(source.program);
  return isDeclared;
}

/** Name of an identifier or text of a string literal. */
export function nameOf(node: Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  return undefined;
}
