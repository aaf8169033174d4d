import { defineCommand } from "../cli/command.ts";
import { flag, value } from "../cli/option-spec.ts";
import { parseMoment } from "../cli/options/duration.ts";
import { integer } from "../cli/options/scalars.ts";
import type { ContainerLogLine } from "../engine/types.ts";
import { isTsmanError } from "../errors/index.ts";

const moment = (text: string, option: string): Date => parseMoment(text, option, Date.now());

/** `tsman logs` */
export const logs = defineCommand({
  name: "logs",
  usage: "[OPTIONS] CONTAINER",
  summary: "print what a container wrote, each stream to its own",
  examples: ["tsman logs --tail 20 -f web", "tsman logs --since 10m web"],
  options: {
    follow: flag({ char: "f", summary: "go on until it ends" }),
    since: value({ metavar: "TIME", summary: "from then on", parse: moment }),
    tail: value({ metavar: "N", summary: "the last N lines", parse: integer(-1, 1_000_000_000) }),
    timestamps: flag({ char: "t", summary: "with the time of each line" }),
    until: value({ metavar: "TIME", summary: "up to then", parse: moment }),
  },
  positionals: { min: 1, max: 1, noun: "container" },
  async run({ values, positionals }, context) {
    const [name = ""] = positionals;
    const engine = await context.openEngine();
    const lines = engine.containers.logs(name, {
      follow: values.follow,
      tail: values.tail === -1 ? undefined : values.tail,
      since: values.since,
      until: values.until,
      signal: values.follow ? context.interruption() : undefined,
    });
    // A program's line that the log has in pieces gets its time once.
    let isContinued = { stdout: false, stderr: false };
    try {
      for await (const line of lines) {
        const time = values.timestamps && !isContinued[line.stream] ? `${line.time} ` : "";
        context[line.stream].write(lineBytes(line, time));
        isContinued = { ...isContinued, [line.stream]: line.isPartial };
      }
    } catch (error) {
      // Ctrl-C is how one stops following.
      if (!isTsmanError(error, "INTERRUPTED")) throw error;
    }
    return 0;
  },
});

/** The program's own bytes, untouched: a log is data. */
function lineBytes(line: ContainerLogLine, time: string): Uint8Array {
  return Buffer.concat([Buffer.from(time), line.text, Buffer.from(line.isPartial ? "" : "\n")]);
}
