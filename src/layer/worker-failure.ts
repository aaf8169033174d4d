import { TsmanError } from "../errors/index.ts";
import { installationDir, nodeProgram } from "../platform/native.ts";

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
  if (forbidden.test(complaint)) return installationClosed(context);
  const said = complaint.trim().slice(-1000);
  return new TsmanError(
    "RUNTIME_FAILED",
    `${context}: the unpack worker ${how}${said === "" ? "" : `: ${said}`}`,
    { details: { ...(status === null ? {} : { status }), ...(killer === null ? {} : { killer }) } },
  );
}

/** What `tsman-native userns`, or Node, says when the worker's ids may not read its program. */
const forbidden =
  /^tsman-native: userns: execute .* \(errno 13\)|^Error: EACCES: permission denied|\bcode: 'EACCES'/m;

/**
 * The worker has ids of the container only.  The caller's rights are not among them where the
 * caller is not mapped: root, and `--userns=nomap`.  Directories that are closed to others are no
 * hindrance (closed-directories.ts), files are.
 */
function installationClosed(context: string): TsmanError {
  const node = nodeProgram();
  const installation = installationDir();
  const where = node.startsWith(`${installation}/`) ? installation : `${installation} ${node}`;
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `${context}: start the unpack worker: the container's ids may not read its program`,
    { hint: `let everybody read it: chmod -R o+rX ${where}`, details: { path: installation } },
  );
}
