import { chmodSync, lchownSync, readdirSync, writeSync } from "node:fs";
import process from "node:process";
import { toTsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";
import { chroot, loadLibc, lremovexattr } from "../../platform/libc.ts";
import { answerFd, parseUnpackRequest, type UnpackAnswer } from "../worker-protocol.ts";
import { unpackArchive } from "./unpack-archive.ts";

/*
 * The unpack worker: a Node of its own, as root of the user namespace, with the layer's directory
 * as working directory (see unpack-layer.ts, which starts it).
 *
 * Every module is loaded by the imports above, libc's bindings by loadLibc; then the process
 * chroots, and only then reads the first byte of the layer.  From there on nothing that an archive
 * says can name a file outside: the kernel resolves each path, link and race inside the layer.
 */

function enterLayer(): void {
  loadLibc();
  chroot(Buffer.from("."));
  process.chdir("/");
  process.umask(0);
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

async function unpack(): Promise<UnpackAnswer> {
  try {
    const request = parseUnpackRequest(process.argv[2] ?? "");
    enterLayer();
    return await unpackArchive(process.stdin, "", request);
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

writeSync(answerFd, JSON.stringify(await unpack()));
// What is left of a refused layer is not read any more.
process.stdin.destroy();
