import { type OptionValues, text, value } from "./option-spec.ts";
import { oneOf } from "./options/scalars.ts";

/** Options of every command; they may also stand before it. */
export const globalOptions = {
  "log-level": value({
    metavar: "LEVEL",
    summary: "how much to tell: error, warn, info, debug",
    parse: oneOf("error", "warn", "info", "debug"),
  }),
  root: text({ metavar: "DIR", summary: "where images and containers are kept" }),
  "runtime-dir": text({ metavar: "DIR", summary: "where running containers are known" }),
} as const;

/** Their parsed values. */
export type GlobalValues = OptionValues<typeof globalOptions>;
