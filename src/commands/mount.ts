import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { printableJson } from "../cli/render/escape.ts";
import type { ContainerMountPoint } from "../engine/file-types.ts";

/** `tsman mount` */
export const mount = defineCommand({
  name: "mount",
  usage: "[OPTIONS] [CONTAINER…]",
  summary: "mount containers' files, within tsman unshare; without a name, list what is mounted",
  examples: [`tsman unshare sh -c 'ls "$(tsman mount web)"'`, "tsman mount"],
  options: {
    all: flag({ char: "a", summary: "all containers" }),
    latest: flag({ char: "l", summary: "the last one made" }),
    format: value({ metavar: "json", summary: "as JSON", parse: oneOf("json") }),
    notruncate: flag({ summary: "whole ids", aliases: ["no-trunc"] }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest } = values;
    const isList = positionals.length === 0 && !all && !latest;
    const names = isList
      ? []
      : await chosenContainers(engine, positionals, { verb: "mount", all, latest });
    if (names.length === 0) {
      const mounts = isList ? await engine.containers.listMounts() : [];
      const json = mounts.map(({ id, name, path }) => ({ id, Names: [name], mountpoint: path }));
      if (values.format === "json") context.stdout.write(`${printableJson(json)}\n`);
      else for (const one of mounts) context.stdout.write(lineOf(one, values.notruncate));
      return 0;
    }
    return await forEach(names, context, async (name) => {
      const mounted = await engine.containers.mount(name);
      // One alone is what $(tsman mount NAME) wants.
      const isAlone = names.length === 1 && !all;
      context.stdout.write(isAlone ? `${mounted.path}\n` : lineOf(mounted, values.notruncate));
    });
  },
});

function lineOf({ id, path }: ContainerMountPoint, isWhole: boolean): string {
  return `${isWhole ? id : id.slice(0, 12)} ${path}\n`;
}
