import { describe, expect, it } from "vitest";
import { at, parseSource, readSources, type Source } from "./sources.ts";

/** Exported declarations that no documentation comment precedes. */
function undocumented(source: Source): string[] {
  // A command documents itself to its users: oclif's `description`.
  const isCommand = source.path.startsWith("src/commands/");
  return source.program.body.flatMap((statement) => {
    const isExport =
      statement.type === "ExportNamedDeclaration" ||
      (statement.type === "ExportDefaultDeclaration" && !isCommand);
    // `export { … }` and `export … from` pass on what is documented where it is declared.
    if (!isExport || statement.declaration === null) return [];
    const isDocumented = source.comments.some(
      ({ type, value, end }) =>
        type === "Block" &&
        value.startsWith("*") &&
        source.text.slice(end, statement.start).trim() === "",
    );
    // Of an overloaded function the first signature carries the comment.
    const before = source.program.body[source.program.body.indexOf(statement) - 1];
    const isOverload =
      before?.type === "ExportNamedDeclaration" &&
      before.declaration?.type === "TSDeclareFunction" &&
      statement.declaration.type.endsWith("Function");
    return isDocumented || isOverload ? [] : [at(source, statement)];
  });
}

describe("every export of src", () => {
  it("has a documentation comment", () => {
    expect(readSources().flatMap(undocumented)).toEqual([]);
  });
});

describe("the search for missing comments", () => {
  const find = (text: string) => undocumented(parseSource("src/x.ts", text));

  it("finds functions, constants and types without one", () => {
    const text = "export function f() {}\nexport const a = 1;\nexport type T = 1;\n";
    expect(find(text)).toEqual(["src/x.ts:1", "src/x.ts:2", "src/x.ts:3"]);
  });

  it("takes a comment for the declaration that follows it and no other", () => {
    expect(find("/** One. */\nexport const a = 1;\nexport const b = 2;\n")).toEqual(["src/x.ts:3"]);
    expect(find("// Not documentation.\nexport const a = 1;\n")).toEqual(["src/x.ts:2"]);
  });

  it("asks for none where something is passed on", () => {
    expect(find('export { a } from "./a.ts";\nexport type { B } from "./b.ts";\n')).toEqual([]);
  });
});
