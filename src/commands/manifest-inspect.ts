import { defineCommand } from "../cli/command.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";
import { printableJson } from "../cli/render/escape.ts";
import { TsmanError } from "../errors/index.ts";

/** `tsman manifest inspect` */
export const manifestInspect = defineCommand({
  name: "manifest inspect",
  usage: "[OPTIONS] LIST",
  summary: "print a list, or what a registry has under a name",
  examples: ["tsman manifest inspect docker://alpine"],
  options: registryOptions,
  positionals: { min: 1, max: 1, noun: "list" },
  async run({ values, positionals: [name = ""], given }, context) {
    const { manifests } = await context.openEngine();
    const isPlace = /^[a-z-]+:\/\//.test(name);
    const found = isPlace ? undefined : await manifests.find(name);
    const bytes =
      found?.bytes ?? (await manifests.inspectRemote(name, registryAccess(values, given)));
    const document: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    context.stdout.write(`${printableJson(document)}\n`);
    return 0;
  },
});

/** `tsman manifest exists` */
export const manifestExists = defineCommand({
  name: "manifest exists",
  usage: "LIST",
  summary: "end with 0 if there is such a list, with 1 if not",
  options: {},
  positionals: { min: 1, max: 1, noun: "list" },
  async run({ positionals: [name = ""] }, context) {
    const { images, manifests } = await context.openEngine();
    if ((await manifests.find(name)) !== undefined) return 0;
    if ((await images.find(name)) === undefined) return 1;
    // Podman's answer, so that a script does not take it for a free name.
    throw new TsmanError("IMAGE_NOT_FOUND", `find manifest list ${name}: it is an image`, {
      hint: `make a list of it with: tsman manifest create NAME ${name}`,
    });
  },
});

/** `tsman manifest ls` */
export const manifestLs = defineCommand({
  name: "manifest ls",
  usage: "",
  summary: "print the names of all lists",
  options: {},
  positionals: { min: 0, max: 0, noun: "list" },
  async run(_, context) {
    const { manifests } = await context.openEngine();
    for (const name of await manifests.list()) context.stdout.write(`${name}\n`);
    return 0;
  },
});
