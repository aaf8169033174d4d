import { TsmanError, toTsmanError } from "../errors/index.ts";
import { latestOf } from "./chosen-containers.ts";
import type { CommandContext } from "./command.ts";
import type { Engine } from "./engine.ts";
import { errorText } from "./render/error.ts";
import { escapeControls, printableJson } from "./render/escape.ts";
import { usageError } from "./usage-error.ts";

/** What is looked for: containers before images, as Podman does. */
export type InspectedKind = "all" | "container" | "image";

type Document = Readonly<Record<string, unknown>>;

/** What a command line wants to have inspected. */
export interface InspectRequest {
  readonly names: readonly string[];
  readonly kind: InspectedKind;
  /** The container that was made last instead. */
  readonly latest: boolean;
  /** With the size of containers' files. */
  readonly size: boolean;
  readonly format: string | undefined;
}

/**
 * Prints what is found, all in one list, and tells of what is not: the others are printed all the
 * same.
 *
 * @returns the exit status: 125 when something was not found.
 */
export async function printInspected(
  request: InspectRequest,
  context: CommandContext,
): Promise<number> {
  const engine = await context.openEngine();
  const documents: Document[] = [];
  const failures: TsmanError[] = [];
  for (const name of await namesOf(engine, request)) {
    try {
      documents.push(await find(engine, name, request));
    } catch (thrown) {
      const error = toTsmanError(thrown, `inspect ${name}`);
      if (error.code === "INTERRUPTED") throw error;
      failures.push(error);
    }
  }
  await print(documents, request.format, context);
  const { stderr } = context;
  for (const failure of failures) {
    stderr.write(errorText(failure, { isTerminal: stderr.isTerminal, isDebug: false }));
  }
  return failures.length === 0 ? 0 : 125;
}

async function namesOf(engine: Engine, request: InspectRequest): Promise<readonly string[]> {
  const { names, latest, kind } = request;
  if (latest && (names.length > 0 || kind === "image")) {
    const other = kind === "image" ? "--type image" : "names";
    throw usageError(`inspect: --latest and ${other} exclude each other`, "give one of them");
  }
  if (latest) return [latestOf(await engine.containers.list({ all: true }), "inspect").id];
  if (names.length > 0) return names;
  throw usageError("inspect: nothing is named", "name a container or an image, or use --latest");
}

async function find(
  engine: Engine,
  name: string,
  { kind, size }: Pick<InspectRequest, "kind" | "size">,
): Promise<Document> {
  if (kind !== "image") {
    const container = await engine.containers.find(name);
    if (container !== undefined) {
      const { containerDocument } = await import("./render/inspect-container.ts");
      return containerDocument(await engine.containers.inspect(container.id, { size }));
    }
    if (kind === "container") {
      throw new TsmanError("CONTAINER_NOT_FOUND", `inspect ${name}: no such container`, {
        hint: "see tsman ps --all",
      });
    }
  }
  const image = await engine.images.find(name);
  if (image !== undefined) {
    const { imageDocument } = await import("./render/inspect-image.ts");
    return imageDocument(image);
  }
  if ((await engine.manifests.find(name)) !== undefined) {
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `inspect ${name}: the list has no image for this host`,
      {
        hint: `see the list with: tsman manifest inspect ${name}`,
      },
    );
  }
  const what = kind === "image" ? "image" : "container or image";
  throw new TsmanError("IMAGE_NOT_FOUND", `inspect ${name}: no such ${what}`, {
    hint: kind === "image" ? "see tsman images" : "see tsman ps --all and tsman images",
  });
}

async function print(
  documents: readonly Document[],
  format: string | undefined,
  { stdout }: CommandContext,
): Promise<void> {
  if (format === undefined || /^\s*json\s*$/.test(format)) {
    stdout.write(`${printableJson(documents)}\n`);
    return;
  }
  // A template of its own document, not of the list: `{{json .}}` gives a line for each.
  const { compileTemplate } = await import("./template/compile-template.ts");
  const template = compileTemplate(format.replace(/(?:\\n|\n)$/, ""));
  const text = documents.map((document) => `${template(document)}\n`).join("");
  stdout.write(stdout.isTerminal ? escapeControls(text) : text);
}
