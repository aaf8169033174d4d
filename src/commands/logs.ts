import { latestOf } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { flag, value } from "../cli/option-spec.ts";
import { parseMoment } from "../cli/options/duration.ts";
import { integer } from "../cli/options/scalars.ts";
import { printLog, printLogs } from "../cli/session/print-logs.ts";
import { usageError } from "../cli/usage-error.ts";
import type { ContainerLogOptions } from "../engine/types.ts";
import { isTsmanError } from "../errors/index.ts";

/** `tsman logs` */
export const logs = defineCommand({
  name: "logs",
  usage: "[OPTIONS] CONTAINER…",
  summary: "print what containers wrote, each stream to its own",
  examples: ["tsman logs --tail 20 -f web", "tsman logs --since 10m --names web db"],
  options: {
    color: flag({ summary: "with several containers, each in a colour of its own" }),
    follow: flag({ char: "f", summary: "go on until they end" }),
    latest: flag({ char: "l", summary: "the last one made" }),
    names: flag({ char: "n", summary: "with several containers, their names instead of ids" }),
    since: value({
      metavar: "TIME",
      summary: "from then on; a duration is before now",
      parse: (text, option) => parseMoment(text, option, Date.now()),
    }),
    tail: value({
      metavar: "N",
      summary: "the last N lines of each, or all",
      // Docker's word for it, which is its default.
      parse: (text, option) => (text === "all" ? -1 : integer(-1, 1_000_000_000)(text, option)),
    }),
    timestamps: flag({ char: "t", summary: "with the time of each line" }),
    until: value({
      metavar: "TIME",
      summary: "up to then; a duration is after now",
      parse: (text, option) => parseMoment(text, option, Date.now(), "after"),
    }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    if (positionals.length > 0 === values.latest) {
      const why = values.latest ? "--latest leaves nothing to name" : "none is named";
      throw usageError(`print logs of containers: ${why}`, "name containers, or use --latest");
    }
    const engine = await context.openEngine();
    const list = values.latest ? await engine.containers.list({ all: true }) : [];
    const names = values.latest ? [latestOf(list, "print logs of").id] : positionals;
    const options: ContainerLogOptions = {
      follow: values.follow,
      tail: values.tail === -1 ? undefined : values.tail,
      since: values.since,
      until: values.until,
      signal: values.follow ? context.interruption() : undefined,
    };
    try {
      if (names.length > 1) return await printLogs(names, engine, context, options, values);
      await printLog(names[0] ?? "", engine, context, options, values);
    } catch (error) {
      // Ctrl-C is how one stops following.
      if (!isTsmanError(error, "INTERRUPTED")) throw error;
    }
    return 0;
  },
});
