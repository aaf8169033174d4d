import type { ContainerSummary } from "../engine/types.ts";
import { chosenContainers } from "./chosen-containers.ts";
import { type Command, defineCommand } from "./command.ts";
import { forEach } from "./each.ts";
import { flag, texts } from "./option-spec.ts";
import { choosingOptions } from "./options/stop-options.ts";

/** What `pause` and `unpause` differ in. */
export interface PausingVerb {
  readonly name: "pause" | "unpause";
  readonly summary: string;
  /** Which ones `--all` and `--filter` mean. */
  readonly among: ContainerSummary["state"];
  /** Of `--all`. */
  readonly all: string;
}

/** `tsman pause` or `tsman unpause` */
export function pausingCommand({ name: verb, summary, among, all }: PausingVerb): Command {
  return defineCommand({
    name: verb,
    usage: "[OPTIONS] CONTAINER…",
    summary,
    examples: [`tsman ${verb} web`],
    options: {
      all: flag({ char: "a", summary: all }),
      ...choosingOptions,
      filter: texts({ char: "f", metavar: "KEY=VALUE", summary: "those that pass, as of ps" }),
    },
    positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
    async run({ values, positionals }, context) {
      const engine = await context.openEngine();
      const names = await chosenContainers(engine, positionals, {
        ...{ verb, all: values.all, latest: values.latest },
        ...{ filters: values.filter, cidFiles: values.cidfile },
        among: ({ state }) => state === among,
      });
      return await forEach(names, context, async (name) => {
        await engine.containers[verb](name);
        context.stdout.write(`${name}\n`);
      });
    },
  });
}
