import { invalidValue } from "../usage-error.ts";

/** How much tsman tells. */
type LogLevel = "error" | "warn" | "info" | "debug";

/** Podman's words, each with the nearest of tsman's. */
const levels: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  fatal: "error",
  panic: "error",
};

/** `--log-level`. */
export function parseLogLevel(text: string, option: string): LogLevel {
  const word = text.toLowerCase();
  const level = Object.hasOwn(levels, word) ? levels[word] : undefined;
  if (level !== undefined) return level;
  const right = `use one of: ${Object.keys(levels).join(", ")}`;
  throw invalidValue(option, text, "not one of its words", right);
}
