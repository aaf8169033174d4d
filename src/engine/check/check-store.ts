import { isTsmanError } from "../../errors/index.ts";
import type { CheckFinding, CheckOptions } from "../check-types.ts";
import type { EngineContext } from "../context.ts";
import { examineContainers } from "./examine-containers.ts";
import { examineBlobs, examineImages } from "./examine-images.ts";
import { examineLayers } from "./examine-layers.ts";
import { examineRemains } from "./examine-remains.ts";
import { examineVolumes } from "./examine-volumes.ts";
import type { Fault } from "./fault.ts";

/** Containers that are done with give images free, and images layers: in this order. */
const examinations = [
  examineContainers,
  examineImages,
  examineBlobs,
  examineLayers,
  examineVolumes,
  examineRemains,
];

/**
 * Compares what the store says with what is there.  What other commands work on is locked by them
 * and left alone, so this may run at any time.
 */
export async function* checkStore(
  context: EngineContext,
  options: CheckOptions = {},
): AsyncGenerator<CheckFinding> {
  const complaints = context.store.verifyDatabase(options.quick === true);
  for (const problem of complaints) {
    yield {
      kind: "database",
      subject: context.store.root,
      problem,
      ...(options.repair === true && { obstacle: "move store.db away, and pull the images again" }),
    };
  }
  // What it says means nothing then.
  if (complaints.length > 0) return;
  for (const examine of examinations) {
    for await (const fault of examine(context, options)) {
      options.signal?.throwIfAborted();
      yield await settle(fault, options);
    }
  }
}

async function settle(fault: Fault, { repair }: CheckOptions): Promise<CheckFinding> {
  const { mend, ...finding } = fault;
  if (repair !== true) return finding;
  if (mend === undefined) return { ...finding, obstacle: "nothing can be done about it here" };
  try {
    return { ...finding, repair: await mend() };
  } catch (thrown) {
    if (isTsmanError(thrown, "INTERRUPTED")) throw thrown;
    return { ...finding, obstacle: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
