import type { DiffOptions, FileChange } from "../engine/file-types.ts";
import { latestOf } from "./chosen-containers.ts";
import type { CommandContext } from "./command.ts";
import { escapeCell, printableJson } from "./render/escape.ts";
import { usageError } from "./usage-error.ts";

/** What a command line wants to have compared. */
export interface DiffRequest extends Pick<DiffOptions, "kind"> {
  readonly names: readonly string[];
  readonly latest: boolean;
  readonly format: string | undefined;
}

/** Compares, and prints a line for each file that differs, or Podman's JSON. */
export async function printChanges(request: DiffRequest, context: CommandContext): Promise<number> {
  const { names, latest: isLatest, kind } = request;
  if (isLatest !== (names.length === 0)) {
    throw isLatest
      ? usageError("diff: --latest and names exclude each other", "give one of them")
      : usageError("diff: nothing is named", "name a container or an image, or use --latest");
  }
  const engine = await context.openEngine();
  const [name = latestOf(await engine.containers.list({ all: true }), "compare").id, against] =
    names;
  const options = { against, kind, signal: context.interruption() };
  const changes = await engine.containers.diff(name, options);
  const { stdout } = context;
  if (request.format === "json") {
    stdout.write(`${printableJson(jsonOf(changes))}\n`);
    return 0;
  }
  for (const change of changes) {
    // A name is data, unless it could paint over a terminal or break the line.
    const shown = stdout.isTerminal ? Buffer.from(escapeCell(textOf(change.path))) : change.path;
    stdout.write(Buffer.concat([Buffer.from(`${letters[change.kind]} `), shown, newline]));
  }
  return 0;
}

const newline = Buffer.from("\n");
const letters = { added: "A", changed: "C", deleted: "D" } as const;

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
