import { chmodSync, closeSync, lchownSync, readdirSync, writeSync } from "node:fs";
import process from "node:process";
import { toTsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";
import { loadLibc } from "../../platform/libc/binding.ts";
import { enterRoot } from "../../platform/libc/mounts.ts";
import { lremovexattr } from "../../platform/libc/xattrs.ts";
import {
  answerFd,
  firstDirectoryFd,
  type InheritRequest,
  type LayerRequest,
  maxRequestBytes,
  parseImplied,
  parseRequest,
  parseWorkerOrder,
  type UnpackAnswer,
} from "../worker-protocol.ts";
import { InheritedAttributes } from "./inherited-attributes.ts";
import { LayerFrames } from "./layer-frames.ts";
import { unpackArchive } from "./unpack-archive.ts";

/*
 * The unpack worker: a Node of its own, as root of the user namespace, with descriptors of the
 * empty directories of the layers that it will be given (see unpack-worker.ts, which starts it).
 *
 * Every module is loaded by the imports above, libc's bindings by loadLibc; then, for each layer,
 * the process makes the layer's directory its root, and only then reads the first byte of the
 * layer.  From there on nothing that an archive says can name a file outside: the kernel resolves
 * each path, link and race inside the layer.
 *
 * What leads out of it are the descriptors of the directories to come.  They have numbers, not
 * names: no path leads to a descriptor without a /proc, and in a layer nothing is mounted.  This
 * file is the only one that knows the numbers, and nothing of a layer is ever executed.
 */

const order = parseWorkerOrder(process.argv[2] ?? "");
loadLibc();
process.umask(0);
const frames = new LayerFrames(process.stdin);
function enterLayer(fd: number): void {
  enterRoot(fd);
  closeSync(fd);
  if (readdirSync("/").length > 0) throw new Error("the layer's directory is not empty");
  // A set-group-ID or bsdgroups parent directory gave it a group, an ACL there gives one to all
  // that is made in it: file-attributes.ts relies on 0:0 and plain permission bits.
  lchownSync("/", 0, 0);
  chmodSync("/", 0o700);
  for (const acl of ["system.posix_acl_default", "system.posix_acl_access"]) {
    try {
      lremovexattr(Buffer.from("/"), acl);
    } catch (error) {
      if (!isErrno(error, "ENODATA", "ENOTSUP", "EOPNOTSUPP")) throw error;
    }
  }
}

async function unpack(request: LayerRequest): Promise<UnpackAnswer> {
  enterLayer(directoryFd(request.directory));
  const answer = await unpackArchive(frames, "", { ...order, limits: request.limits });
  // What a compressor has appended to its stream: the next layer begins behind it.
  while ((await frames.read()) !== undefined);
  return answer;
}

async function inherit({ directory, lowers }: InheritRequest): Promise<UnpackAnswer> {
  const pieces: Buffer[] = [];
  for (let piece = await frames.read(); piece !== undefined; piece = await frames.read()) {
    pieces.push(piece);
  }
  const inherited = new InheritedAttributes(parseImplied(Buffer.concat(pieces).toString("utf8")));
  for (const lower of lowers) {
    enterRoot(directoryFd(lower));
    inherited.look();
  }
  enterRoot(directoryFd(directory));
  const directories = inherited.write({ droppedXattrs: 0, lostOwners: 0 });
  return { outcome: "inherited", directories };
}

function directoryFd(directory: number): number {
  if (directory < order.directories) return firstDirectoryFd + directory;
  throw new Error(`there is no directory ${directory}`);
}

async function answerNext(): Promise<UnpackAnswer | undefined> {
  try {
    const head = await frames.begin(maxRequestBytes);
    if (head === undefined) return undefined;
    const request = parseRequest(head.toString("utf8"));
    return "lowers" in request ? await inherit(request) : await unpack(request);
  } catch (error) {
    const { code, message, hint, details } = toTsmanError(error, "unpack worker");
    return {
      outcome: "failed",
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      details: { ...details } as Record<string, string | number | boolean | string[]>,
    };
  }
}

function say(answer: UnpackAnswer): void {
  const line = Buffer.from(`${JSON.stringify(answer)}\n`);
  for (let said = 0; said < line.length; ) said += writeSync(answerFd, line, said);
}

for (;;) {
  const answer = await answerNext();
  if (answer === undefined) break;
  say(answer);
  if (answer.outcome === "failed") break;
}
// What is left of a refused layer is not read any more.
process.stdin.destroy();
