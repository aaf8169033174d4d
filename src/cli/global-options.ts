import { type OptionValues, text, value } from "./option-spec.ts";
import { parseLogLevel } from "./options/log-level.ts";

/** Options of every command; they may also stand before it. */
export const globalOptions = {
  "log-level": value({
    metavar: "LEVEL",
    summary: "how much to tell: error, warn, info, debug",
    parse: parseLogLevel,
  }),
  root: text({ metavar: "DIR", summary: "where images and containers are kept" }),
  "runtime-dir": text({
    metavar: "DIR",
    summary: "where running containers are known",
    aliases: ["runroot"],
  }),
} as const;

/** Their parsed values. */
export type GlobalValues = OptionValues<typeof globalOptions>;
