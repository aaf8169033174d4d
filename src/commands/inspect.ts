import { type Command, type CommandContext, defineCommand } from "../cli/command.ts";
import type { Engine } from "../cli/engine.ts";
import { text, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { escapeControls } from "../cli/render/escape.ts";
import { containerDocument } from "../cli/render/inspect-container.ts";
import { imageDocument } from "../cli/render/inspect-image.ts";
import { compileTemplate } from "../cli/template/compile-template.ts";
import { TsmanError } from "../errors/index.ts";

type Kind = "all" | "container" | "image";
type Document = Readonly<Record<string, unknown>>;

/** `tsman inspect`: containers first, as Podman looks. */
export const inspect = inspectCommand("inspect", "all", "container or image");

/** `tsman container inspect` */
export const inspectContainer = inspectCommand("container inspect", "container", "container");

/** `tsman image inspect` */
export const inspectImage = inspectCommand("image inspect", "image", "image");

function inspectCommand(name: string, kind: Kind, noun: string): Command {
  return defineCommand({
    name,
    usage: `[OPTIONS] ${kind === "all" ? "NAME" : kind.toUpperCase()}…`,
    summary: `print everything about a ${noun}`,
    examples: [`tsman ${name} --format '{{.Id}}' web`],
    options: {
      format: text({ char: "f", metavar: "FORMAT", summary: "json or a template" }),
      type: value({
        char: "t",
        metavar: "TYPE",
        summary: "container, image or all",
        parse: oneOf("all", "container", "image"),
      }),
    },
    positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun },
    async run({ values, positionals }, context) {
      const engine = await context.openEngine();
      const documents: Document[] = [];
      for (const one of positionals) documents.push(await find(engine, one, values.type ?? kind));
      print(documents, values.format, context);
      return 0;
    },
  });
}

async function find(engine: Engine, name: string, kind: Kind): Promise<Document> {
  if (kind !== "image") {
    const container = await engine.containers.find(name);
    if (container !== undefined) {
      return containerDocument(await engine.containers.inspect(container.id));
    }
    if (kind === "container") {
      throw new TsmanError("CONTAINER_NOT_FOUND", `inspect ${name}: no such container`, {
        hint: "see tsman ps --all",
      });
    }
  }
  const image = await engine.images.find(name);
  if (image !== undefined) return imageDocument(image);
  const what = kind === "image" ? "image" : "container or image";
  throw new TsmanError("IMAGE_NOT_FOUND", `inspect ${name}: no such ${what}`, {
    hint: kind === "image" ? "see tsman images" : "see tsman ps --all and tsman images",
  });
}

function print(
  documents: readonly Document[],
  format: string | undefined,
  { stdout }: CommandContext,
): void {
  const text =
    format === undefined || format === "json"
      ? JSON.stringify(documents, null, 4)
      : documents.map(compileTemplate(format)).join("\n");
  stdout.write(`${stdout.isTerminal ? escapeControls(text) : text}\n`);
}
