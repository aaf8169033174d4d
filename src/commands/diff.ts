import { defineCommand } from "../cli/command.ts";
import { value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { escapeCell, printableJson } from "../cli/render/escape.ts";
import type { FileChange } from "../engine/file-types.ts";

const letters = { added: "A", changed: "C", deleted: "D" } as const;

/** `tsman diff` */
export const diff = defineCommand({
  name: "diff",
  usage: "[OPTIONS] CONTAINER",
  summary: "list what a container has added (A), changed (C) and deleted (D) in its image's files",
  examples: ["tsman diff web", "tsman diff --format json web"],
  options: {
    format: value({ metavar: "json", summary: "as JSON", parse: oneOf("json") }),
  },
  positionals: { min: 1, max: 1, noun: "container" },
  async run({ values, positionals }, context) {
    const [name = ""] = positionals;
    const engine = await context.openEngine();
    const changes = await engine.containers.diff(name, { signal: context.interruption() });
    if (values.format === "json") {
      context.stdout.write(`${printableJson(jsonOf(changes))}\n`);
      return 0;
    }
    for (const { kind, path } of changes) {
      // A name is data, unless it could paint over a terminal or break the line.
      const shown = context.stdout.isTerminal ? Buffer.from(escapeCell(textOf(path))) : path;
      context.stdout.write(Buffer.concat([Buffer.from(`${letters[kind]} `), shown, newline]));
    }
    return 0;
  },
});

const newline = Buffer.from("\n");

function textOf(path: Uint8Array): string {
  return Buffer.from(path).toString("utf8");
}

/** Podman's members: those without paths are missing. */
function jsonOf(changes: readonly FileChange[]): Record<string, string[]> {
  const document: Record<string, string[]> = {};
  for (const kind of ["changed", "added", "deleted"] as const) {
    const paths = changes.filter((change) => change.kind === kind);
    if (paths.length > 0) document[kind] = paths.map(({ path }) => textOf(path));
  }
  return document;
}
