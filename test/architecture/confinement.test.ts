import { Visitor } from "oxc-parser";
import { describe, expect, it } from "vitest";
import { at, membersOf, nameOf, parseSource, readSources, type Source } from "./sources.ts";

// S99: programs are started without a shell, in one place.
// What a list of imports cannot show; .dependency-cruiser.cjs confines the libraries.

const sources = readSources();

function isIn(...folders: readonly string[]): (source: Source) => boolean {
  return ({ path }) => folders.some((folder) => path.startsWith(`src/${folder}/`));
}

function outside(...folders: readonly string[]): readonly Source[] {
  return sources.filter((source) => !isIn(...folders)(source));
}

/** Programs of their own, which tsman starts: they have a standard output of their own. */
const programs = ["layer/worker"];

describe("the sources", () => {
  it("read the environment in config only", () => {
    const found = outside("config").flatMap((source) => membersOf(source, "process", ["env"]));
    expect(found).toEqual([]);
  });

  it("end the process in cli only, so that the engine can run many commands in one", () => {
    const found = outside("cli", ...programs).flatMap((source) =>
      membersOf(source, "process", ["exit", "exitCode", "abort", "reallyExit"]),
    );
    expect(found).toEqual([]);
  });

  it("write to the standard streams in cli and commands only", () => {
    const found = outside("cli", "commands", ...programs).flatMap((source) =>
      membersOf(source, "process", ["stdout", "stderr"]),
    );
    expect(found).toEqual([]);
  });

  it("start no program through a shell", () => {
    // The layer rules let only platform start programs at all.
    expect(sources.filter(isIn("platform")).flatMap(shellUses)).toEqual([]);
  });

  it("keep a command within 80 lines: parse, one engine call, render", () => {
    const long = sources
      .filter(isIn("commands"))
      .filter(({ text }) => text.trimEnd().split("\n").length > 80)
      .map(({ path, text }) => `${path}: ${text.trimEnd().split("\n").length} lines`);
    expect(long).toEqual([]);
  });
});

/** `shell: …` options, and the functions of node:child_process that always use a shell. */
function shellUses(source: Source): string[] {
  const found: string[] = [];
  new Visitor({
    Property(node) {
      const isOff = node.value.type === "Literal" && node.value.value === false;
      if (nameOf(node.key) === "shell" && node.parent?.type !== "ObjectPattern" && !isOff)
        found.push(at(source, node));
    },
    ImportSpecifier(node) {
      const name = nameOf(node.imported);
      if (name === "exec" || name === "execSync") found.push(at(source, node));
    },
  }).visit(source.program);
  return found;
}

describe("the search for confined names", () => {
  const find = (text: string) =>
    membersOf(parseSource("src/x.ts", text), "process", ["env"]).length;

  it("finds every way to spell process.env", () => {
    expect(find("process.env.HOME")).toBe(1);
    expect(find('process["env"]')).toBe(1);
    expect(find("const { env } = process;")).toBe(1);
    expect(find('import { env as e } from "node:process";')).toBe(1);
  });

  it("leaves other members alone", () => {
    expect(find("process.pid; other.env; const { pid } = process;")).toBe(0);
  });

  it("leaves a file alone that calls something of its own so", () => {
    expect(find("const { process } = config; use(process.env);")).toBe(0);
    expect(find("const f = (process) => process.env;")).toBe(0);
  });

  it("finds shells", () => {
    expect(shellUses(parseSource("src/x.ts", "spawn(a, b, { shell: true })"))).toHaveLength(1);
    expect(shellUses(parseSource("src/x.ts", "spawn(a, b, { shell: false })"))).toHaveLength(0);
    const text = 'import { execSync } from "node:child_process";';
    expect(shellUses(parseSource("src/x.ts", text))).toHaveLength(1);
  });
});
