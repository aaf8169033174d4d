import { statSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { nodeProgram } from "../platform/native.ts";

/** An unpacking that the caller has ended. */
export function interrupted(context: string, signal: AbortSignal | undefined): TsmanError {
  return new TsmanError("INTERRUPTED", `${context}: interrupted`, { cause: signal?.reason });
}

/** A worker whose program cannot be executed. */
export function cannotStart(context: string, error: Error): TsmanError {
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `${context}: start the unpack worker: ${error.message}`,
    {
      hint: "build tsman's native program: bin/setup",
      cause: error,
    },
  );
}

/** A worker that ended without an answer: killed, or stopped by what it says on stderr. */
export function endedSilently(
  context: string,
  status: number | null,
  killer: NodeJS.Signals | null,
  complaint: string,
): TsmanError {
  const how = killer === null ? `ended with status ${status}` : `was ended by ${killer}`;
  const closed = forbiddenExecution.test(complaint) ? closedDirectory(nodeProgram()) : undefined;
  if (closed !== undefined) return installationClosed(context, closed);
  const said = complaint.trim().slice(-1000);
  return new TsmanError(
    "RUNTIME_FAILED",
    `${context}: the unpack worker ${how}${said === "" ? "" : `: ${said}`}`,
    { details: { ...(status === null ? {} : { status }), ...(killer === null ? {} : { killer }) } },
  );
}

/** What `tsman-native userns` says when the worker's ids may not execute (EACCES) its program. */
const forbiddenExecution = /^tsman-native: userns: execute .* \(errno 13\)/m;

/** The topmost directory on the way to a file that is closed to everybody but owner and group. */
function closedDirectory(file: string): string | undefined {
  const parent = path.dirname(file);
  if (parent === file) return undefined;
  return closedDirectory(parent) ?? ((statSync(parent).mode & 0o001) === 0 ? parent : undefined);
}

/**
 * The worker has ids of the container only.  The caller's rights are not among them where the
 * caller is not mapped: root, and `--userns=nomap`.
 */
function installationClosed(context: string, directory: string): TsmanError {
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `${context}: start the unpack worker: the container's ids may not enter ${directory}`,
    {
      hint: `install tsman where every user can read it, such as /opt; or: chmod o+x ${directory}`,
      details: { path: directory },
    },
  );
}
