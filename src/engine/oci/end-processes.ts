import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessIdentity } from "../../container/liveness.ts";
import { endOrphan } from "../../container/orphan.ts";
import { signalProcesses } from "../../container/process/signal-processes.ts";
import { isTsmanError } from "../../errors/index.ts";
import { readLife } from "../../platform/process-start-time.ts";
import { findGroup } from "../containers/container-cgroup.ts";
import { type OciContainer, stoppedName } from "./container-directory.ts";
import { processesOf } from "./oci-processes.ts";

const sigkill = 9;
/** Milliseconds for processes that were killed to be gone. */
const patience = 2000;
const step = 5;

/**
 * Ends all processes of a container whose first one lives, and waits for that.  The kernel does it in
 * a pid namespace of its own, and in a control group whoever removes that (removeOciGroup).  Else what
 * is the container's is known by its first process, which goes last, and by who has started whom: so
 * all are stopped before one is killed.
 */
export async function endProcesses(
  container: Pick<OciContainer, "record" | "directory"> & { readonly init: ProcessIdentity },
): Promise<void> {
  const { init, record, directory } = container;
  if (!record.hasOwnPids && findGroup(directory) === undefined) {
    await stopAll(container);
    const others = (): readonly number[] =>
      processesOf(container).filter((pid) => pid !== init.pid && readLife(pid) !== undefined);
    for (let waited = 0, left = others(); left.length > 0 && waited < patience; waited += step) {
      signalProcesses(others, sigkill, left);
      await delay(step);
      left = others();
    }
  }
  endOrphan(init);
}

async function stopAll(container: Pick<OciContainer, "record" | "directory" | "init">) {
  const { stopProcesses } = await import("../../container/process/stopped-processes.ts");
  try {
    const file = path.join(container.directory, stoppedName);
    await stopProcesses(() => processesOf(container), file);
  } catch (error) {
    // Made faster than they can be stopped: they may still be killed.
    if (!isTsmanError(error, "RUNTIME_FAILED")) throw error;
  }
}
