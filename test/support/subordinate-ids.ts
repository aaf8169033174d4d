import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { IdMapLine } from "./proc.ts";

const nativeProgram = join(import.meta.dirname, "../../dist/libexec/tsman-native");

/** First range that /etc/subuid or /etc/subgid gives the running user, by name or by number. */
export function subordinateRange(
  kind: "uid" | "gid",
): { first: number; count: number } | undefined {
  const path = kind === "uid" ? "/etc/subuid" : "/etc/subgid";
  if (!existsSync(path)) return undefined;
  const { username, uid } = userInfo();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const [owner, first, count] = line.split(":");
    if (owner !== username && owner !== String(uid)) continue;
    return { first: Number(first), count: Number(count) };
  }
  return undefined;
}

/**
 * The mapping that an ordinary user's containers and layers must have: 0 is the user, the rest is
 * the subordinate range (architecture.md, section 3).
 */
export function expectedIdMap(kind: "uid" | "gid"): IdMapLine[] {
  const { uid, gid } = userInfo();
  const range = subordinateRange(kind);
  if (range === undefined) throw new Error(`the test user has no subordinate ${kind}s`);
  const all = { inside: 1, outside: range.first, count: range.count };
  return [{ inside: 0, outside: kind === "uid" ? uid : gid, count: 1 }, all];
}

/** The id outside that stands for `inside`. */
export function idOutside(kind: "uid" | "gid", inside: number): number {
  const line = expectedIdMap(kind).find(
    (entry) => inside >= entry.inside && inside < entry.inside + entry.count,
  );
  if (line === undefined) throw new Error(`${kind} ${inside} is not mapped`);
  return line.outside + inside - line.inside;
}

/** Removes a tree whose files belong to subordinate ids, whatever their modes. */
export async function removeTree(directory: string): Promise<void> {
  if (process.getuid?.() !== 0 && existsSync(nativeProgram)) {
    const map = (kind: "uid" | "gid") =>
      expectedIdMap(kind)
        .map(({ inside, outside, count }) => `${inside} ${outside} ${count}`)
        .join(",");
    spawnSync(nativeProgram, [
      "userns",
      "--uid-map",
      map("uid"),
      "--gid-map",
      map("gid"),
      "--newuidmap",
      "/usr/bin/newuidmap",
      "--newgidmap",
      "/usr/bin/newgidmap",
      "--",
      "/bin/rm",
      "-rf",
      "--",
      directory,
    ]);
  }
  await rm(directory, { recursive: true, force: true });
}
