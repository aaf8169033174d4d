import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mountsOf, processesUsing } from "../support/proc.ts";
import { patience, until } from "../support/wait.ts";
import type { TestStore } from "./support.ts";

/** Processes of a store, whoever they belong to. */
export function processesOf({ scratch }: TestStore): readonly number[] {
  return processesUsing(scratch);
}

/** What each of these processes is, for messages. */
function describe(pids: readonly number[]): string {
  return pids
    .map((pid) => {
      try {
        return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")}`;
      } catch {
        return `${pid} (gone)`;
      }
    })
    .join("; ");
}

/** Waits until no process of a store is there, and no mount. */
export async function expectNothingRuns(store: TestStore, milliseconds = patience): Promise<void> {
  let left: readonly number[] = [];
  try {
    await until(
      "no process of the store to be there",
      () => {
        left = processesOf(store);
        return left.length === 0 ? true : undefined;
      },
      milliseconds,
    );
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${describe(left)}`, { cause: error });
  }
  const mounts = mountsOf(process.pid).filter(({ mountPoint }) =>
    mountPoint.startsWith(store.scratch),
  );
  if (mounts.length > 0) throw new Error(`mounted: ${mounts.map((m) => m.mountPoint).join(", ")}`);
}

/** Directories of containers, in both places. */
export function directoriesOf({ root, runtimeDir }: TestStore): readonly string[] {
  return [join(root, "containers"), runtimeDir].flatMap((directory) =>
    readdirSync(directory).map((name) => join(directory, name)),
  );
}
