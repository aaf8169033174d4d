import { constants, openSync, writeSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import { isErrno, toGivenFileError } from "../../platform/errno.ts";
import type { Output } from "../output.ts";
import { escapeCell, printableJson } from "../render/escape.ts";
import { usageError } from "../usage-error.ts";
import type { OciArguments } from "./arguments.ts";

/** Where errors and warnings go: standard error, and what `--log` names. */
export interface OciLog {
  readonly stderr: Output;
  readonly file?: { readonly name: string; readonly descriptor: number } | undefined;
  readonly isJson: boolean;
  /** Without warnings. */
  readonly isQuiet?: boolean;
}

/** crun's; nothing is said that is less than a warning. */
const levels: readonly string[] = ["debug", "info", "warning", "error"];

/**
 * Opens the log of a command line; a caller that reads nothing else must hear of it when there is
 * none, before anything happens.
 *
 * @throws TsmanError USAGE, PREFLIGHT_STORAGE
 */
export function openOciLog(
  { stderr, cwd }: { readonly stderr: Output; readonly cwd: string },
  globals: OciArguments,
): OciLog {
  const format = globals.get("log-format") ?? "text";
  if (format !== "text" && format !== "json") {
    throw usageError(`use --log-format ${format}: no such format`, "write text or json");
  }
  const level = globals.get("log-level") ?? "warning";
  if (!levels.includes(level)) {
    const hint = `write ${levels.slice(0, -1).join(", ")} or ${levels.at(-1)}`;
    throw usageError(`use --log-level ${level}: no such level`, hint);
  }
  const chosen = globals.get("log");
  const name = chosen === undefined ? undefined : path.resolve(cwd, chosen);
  const file = name === undefined ? undefined : { name, descriptor: openLogFile(name) };
  return { stderr, file, isJson: format === "json", isQuiet: level === "error" };
}

function openLogFile(name: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK } = constants;
  try {
    return openSync(name, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK);
  } catch (error) {
    if (!isErrno(error, "ENXIO")) throw toGivenFileError(error, `open log ${name}`, "write");
    // fifo(7)
    throw new TsmanError("PREFLIGHT_STORAGE", `open log ${name}: nobody reads from it`, {
      hint: "start its reader first, or name a file",
      cause: error,
    });
  }
}

/** Says something where the caller looks for it. */
export function tell(
  { stderr, file, isJson, isQuiet = false }: OciLog,
  level: "error" | "warning",
  text: string,
): void {
  if (level === "warning" && isQuiet) return;
  stderr.write(`tsman-oci: ${level}: ${escapeCell(text)}\n`);
  if (file === undefined) return;
  const time = new Date().toISOString();
  const line = isJson
    ? printableJson({ level, msg: text, time }, 0)
    : `time="${time}" level=${level} msg=${printableJson(text)}`;
  try {
    writeSync(file.descriptor, `${line}\n`);
  } catch (error) {
    const { message } = toGivenFileError(error, `write ${file.name}`, "write");
    stderr.write(`tsman-oci: warning: ${escapeCell(message)}\n`);
  }
}
