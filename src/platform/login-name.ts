import { readFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { isErrno } from "./errno.ts";

/** The caller's name in the password database; undefined if that does not know the uid. */
export function loginName(): string | undefined {
  // The usual place first: to ask the name service, Node loads node:os, a millisecond of each start.
  const entry = new RegExp(`^([^:\\n]+):[^:\\n]*:${process.getuid?.() ?? 0}:`, "m");
  const name = entry.exec(passwords())?.[1];
  if (name !== undefined) return name;
  try {
    return os.userInfo().username;
  } catch {
    // A uid without an entry in the password database, as `docker run -u 12345` makes.
    return undefined;
  }
}

function passwords(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch (error) {
    if (isErrno(error)) return "";
    throw error;
  }
}
