import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { namedImages } from "../cli/named-images.ts";
import { flag, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { printableJson } from "../cli/render/escape.ts";
import type { ImageMountPoint } from "../engine/types.ts";

/** `tsman image mount` */
export const imageMount = defineCommand({
  name: "image mount",
  usage: "[OPTIONS] [IMAGE…]",
  summary: "mount images' files, read-only, within tsman unshare; without a name, list them",
  examples: [`tsman unshare sh -c 'ls "$(tsman image mount busybox)"'`, "tsman image mount"],
  options: {
    all: flag({ char: "a", summary: "all images" }),
    format: value({ metavar: "json", summary: "as JSON", parse: oneOf("json") }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals }, context) {
    const isNone = positionals.length === 0 && !values.all;
    const named = isNone ? [] : namedImages("mount", positionals, values);
    const { images } = await context.openEngine();
    const all = values.all ? (await images.list()).filter(({ kind }) => kind !== "list") : [];
    const names = values.all ? all.map(({ id }) => id) : named;
    if (names.length === 0) {
      const mounts = values.all ? [] : await images.listMounts();
      if (values.format === "json") context.stdout.write(`${printableJson(mounts.map(json))}\n`);
      else for (const one of mounts) context.stdout.write(lineOf(one));
      return 0;
    }
    const mounted: ImageMountPoint[] = [];
    const status = await forEach(names, context, async (name) => {
      mounted.push(await images.mount(name));
    });
    if (values.format === "json") context.stdout.write(`${printableJson(mounted.map(json))}\n`);
    // One alone is what $(tsman image mount NAME) wants.
    else if (names.length === 1 && !values.all) context.stdout.write(pathsOf(mounted));
    else for (const one of mounted) context.stdout.write(lineOf(one));
    return status;
  },
});

function json({ id, names, path }: ImageMountPoint): object {
  return { id: id.replace(/^sha256:/, ""), Repositories: names, mountpoint: path };
}

function pathsOf(mounts: readonly ImageMountPoint[]): string {
  return mounts.map(({ path }) => `${path}\n`).join("");
}

function lineOf({ id, names: [name = id], path }: ImageMountPoint): string {
  return `${name} ${path}\n`;
}
