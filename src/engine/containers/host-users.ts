import { readFileSync } from "node:fs";
import type { HostUser } from "../../bundle/bundle.ts";
import { TsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";
import { runProgramSync } from "../../platform/process.ts";

/**
 * Users of the host by name or uid, as `--hostuser` names them: of /etc/passwd, else of the name service.
 *
 * @throws TsmanError USAGE for one that there is not
 */
export function findHostUsers(wanted: readonly string[]): readonly HostUser[] {
  const local = readPasswords();
  return wanted.map((one) => {
    const user = findLine(local, one) ?? findLine(askNameService(one), one);
    if (user !== undefined) return user;
    throw new TsmanError("USAGE", `use --hostuser ${one}: this host has no such user`, {
      hint: "name one from: getent passwd",
    });
  });
}

function readPasswords(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch (error) {
    if (isErrno(error)) return "";
    throw error;
  }
}

function askNameService(user: string): string {
  try {
    const rules = { timeoutMs: 5000 };
    return runProgramSync("/usr/bin/getent", ["passwd", "--", user], rules).stdout.toString("utf8");
  } catch {
    // No getent(1): the file is all that can be known.
    return "";
  }
}

/** passwd(5): name:password:uid:gid:comment:home:shell. */
function findLine(text: string, wanted: string): HostUser | undefined {
  for (const line of text.split("\n")) {
    const [name = "", , uid = "", gid = "", comment = "", home = ""] = line.split(":");
    const isLine = name !== "" && /^\d{1,10}$/.test(uid) && /^\d{1,10}$/.test(gid);
    if (!isLine || (name !== wanted && uid !== wanted)) continue;
    return {
      name,
      uid: Number(uid),
      gid: Number(gid),
      fullName: comment.split(",")[0] ?? "",
      home: home === "" ? "/" : home,
    };
  }
  return undefined;
}
