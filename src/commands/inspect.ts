import { type Command, defineCommand } from "../cli/command.ts";
import { type InspectedKind, printInspected } from "../cli/inspected-objects.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { invalidValue } from "../cli/usage-error.ts";

const format = text({ char: "f", metavar: "FORMAT", summary: "json or a template" });
const latest = flag({ char: "l", summary: "the container that was made last" });
const size = flag({ char: "s", summary: "with the size of a container's files" });
const positionals = { min: 0, max: Number.POSITIVE_INFINITY } as const;

const kinds: readonly string[] = ["all", "container", "image"];
/** What Podman can inspect besides. */
const others = /^(?:network|pod|secret|volume)$/;

function parseKind(word: string, option: string): InspectedKind {
  if (kinds.includes(word)) return word as InspectedKind;
  const why = others.test(word) ? `a ${word} is nothing that can be inspected yet` : "no such type";
  throw invalidValue(option, word, why, `use one of: ${kinds.join(", ")}`);
}

/** `tsman inspect` */
export const inspect: Command = defineCommand({
  name: "inspect",
  usage: "[OPTIONS] NAME…",
  summary: "print everything about a container or image",
  examples: [
    "tsman inspect --format '{{.State.Status}}' web",
    "tsman inspect --type image busybox",
  ],
  options: {
    format,
    latest,
    size,
    type: value({
      char: "t",
      metavar: "TYPE",
      summary: "container, image or all",
      parse: parseKind,
    }),
  },
  positionals: { ...positionals, noun: "container or image" },
  async run({ values, positionals: names }, context) {
    return await printInspected({ ...values, names, kind: values.type ?? "all" }, context);
  },
});

/** `tsman container inspect` */
export const inspectContainer: Command = defineCommand({
  name: "container inspect",
  usage: "[OPTIONS] CONTAINER…",
  summary: "print everything about a container",
  examples: ["tsman container inspect --format '{{.Id}}' web"],
  options: { format, latest, size },
  positionals: { ...positionals, noun: "container" },
  async run({ values, positionals: names }, context) {
    return await printInspected({ ...values, names, kind: "container" }, context);
  },
});

/** `tsman image inspect` */
export const inspectImage: Command = defineCommand({
  name: "image inspect",
  usage: "[OPTIONS] IMAGE…",
  summary: "print everything about an image",
  examples: ["tsman image inspect --format '{{.Id}}' busybox"],
  options: { format },
  positionals: { ...positionals, min: 1, noun: "image" },
  async run({ values, positionals: names }, context) {
    const { format: wanted } = values;
    return await printInspected(
      { names, kind: "image", latest: false, size: false, format: wanted },
      context,
    );
  },
});
