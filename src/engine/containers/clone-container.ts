import { mergedLimits } from "../../container/limits.ts";
import { assertContainerName } from "../../container/names.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { findImage } from "../images/find-image.ts";
import type { CloneOptions, CreateIo } from "../types.ts";
import { createContainer } from "./create-container.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";
import { removeContainer } from "./remove-container.ts";

/** Clones of a clone of a clone: nobody has so many. */
const nameAttempts = 1000;

/**
 * Makes a container with the options of another one; what that one has written is not taken over.
 *
 * @throws TsmanError as the creation of a container; CONTAINER_RUNNING when the other one is to go
 * and runs.
 */
export async function cloneContainer(
  context: EngineContext,
  nameOrId: string,
  options: CloneOptions,
  io: CreateIo,
): Promise<ContainerRecord> {
  const original = getContainer(context, nameOrId);
  if (options.name !== undefined) assertContainerName(options.name);
  if (options.destroy && !options.force && isUp(containerState(context, original))) {
    throw new TsmanError("CONTAINER_RUNNING", `clone container ${original.name}: it is running`, {
      hint: "stop it first, leave --destroy out, or add --force",
      details: { container: original.id },
    });
  }
  // Files about the original are not about the clone, nor is the process that it goes with.
  // What it has taken over is among its mounts; from whom is not asked again.
  const { cidFile: _, pidFile: __, monitorPidFile: ___, ...rest } = original.options;
  const { ephemeral: ____, volumesFrom: _____, ...kept } = rest;
  const base: ContainerOptions = {
    ...kept,
    replace: false,
    limits: mergedLimits(kept.limits, options.limits),
    ...(original.imageId !== undefined && {
      image: options.image ?? (await imageOf(context, original)),
    }),
  };
  for (let attempt = 0; ; attempt += 1) {
    const name = options.name ?? `${original.name}-clone${attempt === 0 ? "" : attempt}`;
    try {
      const clone = await createContainer(context, { ...base, name }, io);
      if (options.destroy) await removeContainer(context, original.id, { force: options.force });
      return clone;
    } catch (error) {
      const mayTryAgain = options.name === undefined && attempt < nameAttempts;
      if (!mayTryAgain || !isTsmanError(error, "NAME_IN_USE")) throw error;
    }
  }
}

/** The name that it was asked for by, if that still means the same image. */
async function imageOf(context: EngineContext, record: ContainerRecord): Promise<string> {
  const written = record.options.image;
  const found = written === undefined ? undefined : await findImage(context, written);
  return written !== undefined && found?.id === record.imageId ? written : String(record.imageId);
}
