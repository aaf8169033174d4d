import { TsmanError } from "../../errors/index.ts";
import { bootId } from "../../platform/boot-id.ts";
import { monitorFailureOf } from "../../runtime/failure.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { ensureLayers } from "../images/ensure-layers.ts";
import { prepareFilter } from "./container-filter.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";
import { launch } from "./launch.ts";
import { halfRemoved, removedMeanwhile, wasRemoved } from "./lock-container.ts";
import { isPolicyDue } from "./next-life.ts";
import { planRestart } from "./plan-container.ts";
import { writeBundle } from "./write-bundle.ts";

/**
 * Does all of a start but the program: its monitor, its namespaces, its network and its ports are
 * there, and init waits for {@link startContainer}.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING, and what is in the way of a start.
 */
export async function initContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const record = getContainer(context, nameOrId);
  assertIdle(context, record);
  try {
    const planned = await planRestart(context, record, {
      ...record.options,
      name: record.name,
      detach: true,
    });
    if (planned.image !== undefined) {
      await ensureLayers(context, planned.image, { mapping: planned.mapping });
    }
    await writeBundle(context, planned);
    const { ports, driver } = await launch(context, planned, {
      io: { stdin: 0, stdout: 1, stderr: 2 },
      seccompFilter: await prepareFilter(context, record.id, planned.bundle.config.linux.seccomp),
      driver: record.startedAt === undefined ? undefined : (record.driver ?? "overlay"),
      stay: bootId(),
    });
    context.store.containers.update(record.id, { ports, driver });
  } catch (error) {
    if (await wasRemoved(context, record)) {
      const isHalf = context.store.containers.has(record.id);
      throw isHalf ? halfRemoved("initialize", record, error) : removedMeanwhile(record);
    }
    const failure = monitorFailureOf(error);
    if (failure?.stage !== "monitor" || failure.operation !== "lock") throw error;
    assertIdle(context, record);
    throw busy(record, "another command works on it", "try again");
  }
}

function assertIdle(context: EngineContext, record: ContainerRecord): void {
  const state = containerState(context, record);
  const { name } = record;
  if (isUp(state)) throw busy(record, "it is running", `stop it first: tsman stop ${name}`);
  if (state.status === "initialized") {
    throw busy(record, "it is initialized already", `start it with: tsman start ${name}`);
  }
  if (isPolicyDue(context, record)) {
    throw busy(record, "it is about to be started again", `stop it first: tsman stop ${name}`);
  }
}

function busy(record: ContainerRecord, why: string, hint: string): TsmanError {
  return new TsmanError("CONTAINER_RUNNING", `initialize container ${record.name}: ${why}`, {
    hint,
    details: { container: record.id },
  });
}
