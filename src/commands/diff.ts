import { type Command, defineCommand } from "../cli/command.ts";
import { flag, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { printChanges } from "../cli/print-changes.ts";

const format = value({ metavar: "json", summary: "as JSON", parse: oneOf("json") });
const latest = flag({ char: "l", summary: "the container that was made last" });

/** `tsman diff` */
export const diff: Command = defineCommand({
  name: "diff",
  usage: "[OPTIONS] CONTAINER|IMAGE [CONTAINER|IMAGE]",
  summary: "list which files were added (A), changed (C) and deleted (D)",
  examples: ["tsman diff web", "tsman diff --format json web", "tsman diff app:2 app:1"],
  options: { format, latest },
  positionals: { min: 0, max: 2, noun: "container or image" },
  run: ({ values, positionals }, context) =>
    printChanges({ ...values, names: positionals, kind: "all" }, context),
});

/** `tsman container diff` */
export const diffContainer: Command = defineCommand({
  name: "container diff",
  usage: "[OPTIONS] CONTAINER [CONTAINER]",
  summary: "list which files a container has added (A), changed (C) and deleted (D)",
  examples: ["tsman container diff web"],
  options: { format, latest },
  positionals: { min: 0, max: 2, noun: "container" },
  run: ({ values, positionals }, context) =>
    printChanges({ ...values, names: positionals, kind: "container" }, context),
});

/** `tsman image diff` */
export const diffImage: Command = defineCommand({
  name: "image diff",
  usage: "[OPTIONS] IMAGE [IMAGE]",
  summary: "list which files an image has added (A), changed (C) and deleted (D)",
  examples: ["tsman image diff busybox"],
  options: { format },
  positionals: { min: 1, max: 2, noun: "image" },
  run: ({ values, positionals }, context) =>
    printChanges({ ...values, latest: false, names: positionals, kind: "image" }, context),
});
