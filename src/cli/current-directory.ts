import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { isErrno } from "../platform/errno.ts";

/**
 * The current directory, or "" when it was removed: what needs none (absolute paths, most commands)
 * works there too.  `path.resolve("", file)` asks for it once more, and {@link explainLostDirectory}
 * knows the failure.
 */
export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "";
  }
}

/** The failure of a relative path in a directory that was removed, as a USAGE error. */
export function explainLostDirectory(thrown: unknown): unknown {
  if (!isErrno(thrown) || thrown.syscall !== "uv_cwd") return thrown;
  return new TsmanError("USAGE", "resolve a relative path: the current directory was removed", {
    hint: "write absolute paths, or go to another directory",
    cause: thrown,
  });
}
