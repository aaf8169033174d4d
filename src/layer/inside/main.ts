import { closeSync, constants, openSync, writeSync } from "node:fs";
import process from "node:process";
import { TsmanError, toTsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";
import { loadLibc } from "../../platform/libc/binding.ts";
import { enterRoot } from "../../platform/libc/mounts.ts";
import {
  type InsideAnswer,
  type InsideCounts,
  type InsideRequest,
  insideAnswerFd,
  insideRootFd,
  parseInsideRequest,
} from "../inside-protocol.ts";
import { archive } from "./archive.ts";
import { digestTrees } from "./digest.ts";
import { extract } from "./extract.ts";
import { writeLayer } from "./write-layer.ts";

/*
 * The inside worker: a Node of its own, which makes a directory its root and then copies files out
 * of it or into it.  The directory belongs to a container (that runs or not) or is one of the
 * caller's own, at the other end of a copy.
 *
 * Every module is loaded by the imports above, libc's bindings by loadLibc; then the process changes
 * its root, and only then looks at the first file (security cases S69 to S73).  From there on the
 * kernel resolves each path, link and race inside; no descriptor leads out, and nothing in there is
 * ever executed or loaded.
 */

function enter(hasRootFd: boolean): void {
  loadLibc();
  const fd = hasRootFd ? insideRootFd : openSync(".", constants.O_RDONLY | constants.O_DIRECTORY);
  enterRoot(fd);
  closeSync(fd);
  process.umask(0);
}

async function perform(request: InsideRequest): Promise<InsideCounts> {
  if (request.op === "archive") return archive(request, say);
  if (request.op === "digest") return digestTrees(request);
  if (request.op === "extract") return await extract(request);
  return writeLayer(request);
}

function say(answer: InsideAnswer): void {
  const line = Buffer.from(`${JSON.stringify(answer)}\n`);
  for (let said = 0; said < line.length; ) said += writeSync(insideAnswerFd, line, said);
}

try {
  const request = parseInsideRequest(process.argv[2] ?? "");
  enter(request.hasRootFd);
  say({ kind: "done", ...(await perform(request)) });
} catch (error) {
  const { code, message, hint } = isErrno(error, "EPIPE") ? unread(error) : changedMeanwhile(error);
  say({ kind: "failed", code, message, ...(hint === undefined ? {} : { hint }) });
}
// What is left of a refused archive is not read any more.
process.stdin.destroy();

/** A worker that read has said why it ended; another program (`| head`) may have had enough. */
function unread(cause: unknown): TsmanError {
  return new TsmanError("RUNTIME_FAILED", "write the archive: nobody reads it any more", {
    hint: "the program behind the pipe ended before the archive did",
    cause,
  });
}

/** What somebody removes or replaces while it is read or written is no defect of ours. */
function changedMeanwhile(error: unknown): TsmanError {
  if (!isErrno(error, "ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ESTALE", "EINVAL", "EEXIST")) {
    return toTsmanError(error, "copy");
  }
  return new TsmanError("RUNTIME_FAILED", (error as Error).message, {
    hint: "the files changed meanwhile: try again when nothing changes them",
    cause: error,
  });
}
