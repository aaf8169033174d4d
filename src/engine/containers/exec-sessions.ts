import { readdirSync } from "node:fs";
import path from "node:path";
import { findLiveProcess } from "../../container/liveness.ts";
import type { EngineContext } from "../context.ts";

/** Where the exec sessions of a container have their directories, each named after its id. */
export function execDirectory(context: EngineContext, id: string): string {
  return path.join(context.store.containers.runDir(id), "exec");
}

/** The ids of the exec sessions that run in a container, asked of the kernel. */
export function listExecSessions(context: EngineContext, id: string): string[] {
  const directory = execDirectory(context, id);
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // Nobody has executed anything in it.
    return [];
  }
  return names.filter(
    (name) => findLiveProcess(path.join(directory, name), "monitor") !== undefined,
  );
}
