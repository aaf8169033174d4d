import { TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import { ensureLayers } from "../images/ensure-layers.ts";
import { containerEvent } from "./container-events.ts";
import { getContainer } from "./find-container.ts";
import { lockIdleContainer } from "./lock-container.ts";
import { planRestart } from "./plan-container.ts";
import { firstDriver, prepareRootfs } from "./rootfs-driver.ts";
import { writeBundle } from "./write-bundle.ts";

/**
 * Does all of a start that needs no process: layers, bundle, volumes, the directories of the root.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING, and what is in the way of a start.
 */
export async function initContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const record = getContainer(context, nameOrId);
  const lock = await lockIdleContainer(context, record);
  if (lock === undefined) {
    throw new TsmanError(
      "CONTAINER_RUNNING",
      `initialize container ${record.name}: it is running`,
      {
        hint: `stop it first: tsman stop ${record.name}`,
        details: { container: record.id },
      },
    );
  }
  try {
    const planned = await planRestart(context, record, { ...record.options, name: record.name });
    if (planned.image !== undefined) {
      await ensureLayers(context, planned.image, { mapping: planned.mapping });
    }
    await writeBundle(context, planned);
    await prepareRootfs(context, planned, record.driver ?? firstDriver(context));
  } finally {
    lock.release();
  }
  context.events.emit(containerEvent("init", record));
}
