import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { TsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";

/** As native/accounts.h has it. */
const maxFileBytes = 4 * 1024 * 1024;
const maxId = 2_147_483_647;

/** Ids of a user and its primary group. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whom a user specification means, by /etc/passwd and /etc/group of the container; the rules are
 * those of native/user.h.  Both files are hostile: only regular files are read, up to a limit, and
 * lines with a malformed number are no lines (security cases S22, S23).
 *
 * @throws TsmanError RUNTIME_FAILED for a name that is not there
 */
export function lookUpUser(spec: string): UserIds {
  const [user = "", group = ""] = spec.split(":", 2);
  const entries = readColons("/etc/passwd");
  const byUser = user === "" ? { uid: 0, gid: 0 } : findUser(user, entries);
  return group === "" ? byUser : { uid: byUser.uid, gid: findGroup(group) };
}

function findUser(user: string, entries: readonly (readonly string[])[]): UserIds {
  const number = idOf(user);
  for (const [name, , uidText = "", gidText = ""] of entries) {
    const uid = idOf(uidText);
    const gid = idOf(gidText);
    if (uid === undefined || gid === undefined) continue;
    if (number === undefined ? name === user : uid === number) return { uid, gid };
  }
  if (number !== undefined) return { uid: number, gid: 0 };
  throw notFound("user", user, "/etc/passwd");
}

function findGroup(group: string): number {
  const number = idOf(group);
  if (number !== undefined) return number;
  for (const [name, , gidText = ""] of readColons("/etc/group")) {
    const gid = idOf(gidText);
    if (gid !== undefined && name === group) return gid;
  }
  throw notFound("group", group, "/etc/group");
}

function idOf(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}

function readColons(path: string): string[][] {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (isErrno(error)) return [];
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return [];
    const buffer = Buffer.alloc(maxFileBytes);
    let filled = 0;
    for (;;) {
      const count = readSync(fd, buffer, filled, maxFileBytes - filled, null);
      if (count === 0) break;
      filled += count;
    }
    const lines = buffer.toString("utf8", 0, filled).split("\n");
    return lines.map((line) => line.split(":"));
  } finally {
    closeSync(fd);
  }
}

function notFound(what: string, name: string, file: string): TsmanError {
  const shown = JSON.stringify(name);
  return new TsmanError("RUNTIME_FAILED", `find ${what} ${shown}: ${file} has no such ${what}`, {
    hint: "copy without --archive (--archive=false), or name a user that the image has",
  });
}
