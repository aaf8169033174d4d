import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { volumeUsers } from "../system/volume-users.ts";
import type { Fault } from "./fault.ts";

/** Names that tsman gives to volumes without one. */
const anonymousName = /^[0-9a-f]{64}$/;

/** Whether each volume has its directory and each directory its volume. */
export function* examineVolumes(context: EngineContext): Generator<Fault> {
  const { volumes, root } = context.store;
  const known = volumes.list();
  const used = volumeUsers(context);
  for (const { name, isAnonymous } of known) {
    if (existsSync(volumes.dataDir(name))) continue;
    const mend = async (): Promise<string> => {
      if (isAnonymous && !used.has(name)) {
        volumes.remove(name);
        return "removed";
      }
      volumes.ensure(name);
      return "made anew, empty";
    };
    yield { kind: "volume", subject: name, problem: "its directory is missing", mend };
  }
  const names = new Set(known.map(({ name }) => name));
  const trash = new Set(volumes.listTrash().map((directory) => path.basename(directory)));
  for (const name of readdirSync(path.join(root, "volumes"))) {
    // What was put aside is one of the remains.
    if (names.has(name) || trash.has(name)) continue;
    const mend = async (): Promise<string> => {
      // Nobody has put anything into one that was made for one container alone, and never entered.
      if (anonymousName.test(name) && !used.has(name)) {
        await discardTree(context, path.join(root, "volumes", name));
        return "removed";
      }
      volumes.ensure(name);
      return "entered";
    };
    yield { kind: "volume", subject: name, problem: "its directory belongs to no volume", mend };
  }
}
