import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { assertContainerName, randomContainerName } from "../../container/names.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { bootId } from "../../platform/boot-id.ts";
import { toGivenFileError } from "../../platform/errno.ts";
import type { FileLock } from "../../platform/file-lock.ts";
import { countIds, intersectRanges } from "../../rootless/id-range.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import { automaticIds, type EngineContext, mappingFor } from "../context.ts";
import { ensureLayers } from "../images/ensure-layers.ts";
import { originClient } from "../images/origin-client.ts";
import type { CreateIo, RunIo } from "../types.ts";
import { removeIfAbandoned, thisProcess } from "./abandoned.ts";
import { containerEvent } from "./container-events.ts";
import { stopSignalOf } from "./launch-context.ts";
import { wasRemoved } from "./lock-container.ts";
import { type ContainerPlan, planContainer } from "./plan-container.ts";
import { discardContainer, discardFailed, removeContainer } from "./remove-container.ts";
import { writeBundle } from "./write-bundle.ts";

/** Names are random: after so many collisions in a row something else is wrong. */
const nameAttempts = 16;

/** A container that is in the store, and the plan that it was made after. */
export interface CreatedContainer extends AsyncDisposable {
  readonly record: ContainerRecord;
  readonly planned: ContainerPlan;
  /** From here on it stays: disposing of this does nothing any more. */
  keep(): void;
}

/**
 * Makes a container without starting it.  Every step registers its undo at once: whatever fails,
 * nothing is left behind.
 *
 * @throws TsmanError
 */
export async function createContainer(
  context: EngineContext,
  options: ContainerOptions,
  io: CreateIo,
): Promise<ContainerRecord> {
  await using created = await makeContainer(context, options, io, "create");
  created.keep();
  return created.record;
}

/**
 * Makes a container; disposing of the result removes it again.
 *
 * @param use "run": it is started at once, and its record says so from the beginning.
 */
export async function makeContainer(
  context: EngineContext,
  options: ContainerOptions,
  io: CreateIo & Pick<RunIo, "isRetry" | "handOver">,
  use: "run" | "create",
): Promise<CreatedContainer> {
  if (options.name !== undefined) assertContainerName(options.name);
  for (;;) {
    try {
      return await makeOnce(context, options, io, use);
    } catch (error) {
      // Another container got the same ids meanwhile: there are others.
      if (!(error instanceof IdsTaken)) throw error;
    }
  }
}

/** Between the choice of ids (`--userns=auto`) and the record that keeps them. */
class IdsTaken extends Error {}

async function makeOnce(
  context: EngineContext,
  options: ContainerOptions,
  io: CreateIo & Pick<RunIo, "isRetry" | "handOver">,
  use: "run" | "create",
): Promise<CreatedContainer> {
  const planned = await planContainer(context, options, io, use);
  const { bundle, network, mapping } = planned;
  const warnings = [...bundle.warnings, ...network.warnings, mapping.warning];
  for (const warning of io.isRetry === true ? [] : warnings) {
    if (warning !== undefined) io.onWarning?.(warning);
  }
  await using _content = await keepLayers(context, planned, io);
  if (planned.image !== undefined) {
    await using client =
      options.pull === "never" ? undefined : originClient(context, planned.image, io);
    await ensureLayers(context, planned.image, {
      mapping: planned.mapping,
      client,
      get signal() {
        return io.signal;
      },
      // A layer that is there is no news when nothing is being fetched.
      onProgress: (event) => {
        if (event.kind !== "layer-exists") io.onProgress?.(event);
      },
    });
  }
  await using undo = new AsyncDisposableStack();
  // Before the container: one that is to be replaced stays when this fails.
  if (options.cidFile !== undefined) {
    writeIdFile(options.cidFile, planned.id);
    undo.defer(() => rmSync(options.cidFile as string, { force: true }));
  }
  const record = await enterContainer(context, planned, io, use);
  undo.defer(() => discardFailed(context, record));
  // Now, so that each one that goes has come.
  context.events.emit(containerEvent("create", record));
  await writeFiles(context, planned, record, use);
  const all = undo.move();
  return {
    record,
    planned,
    keep: () => void all.move(),
    [Symbol.asyncDispose]: async () => await all.disposeAsync(),
  };
}

/** Writes what a new container consists of; as soon as it has a record another may remove it. */
async function writeFiles(
  context: EngineContext,
  planned: ContainerPlan,
  record: ContainerRecord,
  use: "run" | "create",
): Promise<void> {
  let cause: unknown;
  try {
    await writeBundle(context, planned);
    if (context.store.containers.has(record.id)) return;
    // What the other command could not see.
    await discardContainer(context, record, { volumes: true });
  } catch (error) {
    if (!(await wasRemoved(context, record))) throw error;
    cause = error;
  }
  throw new TsmanError(
    "RUNTIME_FAILED",
    `${use} container ${record.name}: another command has removed it meanwhile`,
    { cause, details: { container: record.id } },
  );
}

/**
 * Keeps a prune from layers of a mapping that no container has yet; those of the default one stay
 * with their image, and most starts need no lock.
 */
async function keepLayers(
  context: EngineContext,
  { mapping, image }: ContainerPlan,
  io: CreateIo,
): Promise<FileLock | undefined> {
  const isDefault = mapping.key === mappingFor(context, { mode: "default" }).key;
  if (isDefault || image === undefined) return undefined;
  return await context.store.lockContent({ shared: true, signal: io.signal });
}

/** Enters the record, under another random name if the first is taken. */
async function enterContainer(
  context: EngineContext,
  planned: ContainerPlan,
  io: CreateIo,
  use: "run" | "create",
): Promise<ContainerRecord> {
  const { options, image, bundle } = planned;
  const now = new Date().toISOString();
  const record: ContainerRecord = {
    id: planned.id,
    name: planned.name,
    imageId: image?.id,
    imageName: planned.imageName,
    createdAt: now,
    options,
    command: bundle.config.process.args,
    stopSignal: stopSignalOf(planned),
    mapping: planned.mapping,
    ports: [],
    anonymousVolumes: planned.volumes
      .filter((volume) => volume.name === undefined)
      .map((volume) => volume.volumeName),
    ...(use === "run" && { bootId: bootId(), startedAt: now, starter: thisProcess() }),
  };
  // Only now, when nothing but a name stands in the way of the new one.
  if (options.replace) await removeHolder(context, planned.name, io);
  for (let attempt = 1; ; attempt += 1) {
    const isRandomName = options.name === undefined;
    const named =
      attempt === 1 || !isRandomName ? record : { ...record, name: randomContainerName() };
    try {
      enterRecord(context, named);
      return named;
    } catch (error) {
      if (attempt === nameAttempts || !isTsmanError(error, "NAME_IN_USE")) throw error;
      // Another command has taken the name in between.
      if (options.replace) await removeHolder(context, planned.name, io);
      else if (!isRandomName && !(await isGivenUp(context, planned.name))) throw error;
    }
  }
}

function enterRecord(context: EngineContext, record: ContainerRecord): void {
  const { store } = context;
  if (record.options.userns.mode !== "auto") {
    store.containers.create(record);
    return;
  }
  store.transaction(() => {
    const taken = automaticIds(context);
    for (const kind of ["uid", "gid"] as const) {
      const own = record.mapping[kind].map(({ outside, count }) => ({ start: outside, count }));
      if (countIds(intersectRanges(own, taken[kind])) > 0) throw new IdsTaken();
    }
    store.containers.create(record);
  });
}

async function removeHolder(
  context: EngineContext,
  name: string,
  { onWarning }: CreateIo,
): Promise<void> {
  const holder = context.store.containers.find(name);
  // An id that begins like the wanted name is not a holder of it.
  if (holder?.name !== name) return;
  try {
    await removeContainer(context, holder.id, { force: true, onWarning });
  } catch (error) {
    if (!isTsmanError(error, "CONTAINER_NOT_FOUND")) throw error;
  }
}

/** Whether the holder of a name was one that nobody was left to remove, and now is gone. */
async function isGivenUp(context: EngineContext, name: string): Promise<boolean> {
  const holder = context.store.containers.find(name);
  if (holder?.name !== name) return holder === undefined;
  return await removeIfAbandoned(context, holder);
}

/** Podman's rule: an existing file may be another container's. */
function writeIdFile(file: string, id: string): void {
  try {
    const fd = openSync(file, "wx", 0o644);
    try {
      writeSync(fd, id);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new TsmanError("USAGE", `write container id to ${file}: the file exists`, {
        hint: "remove it, or name another file with --cidfile",
        cause: error,
      });
    }
    // The store's remedies are none here.
    const { code, message } = toGivenFileError(error, `write container id to ${file}`, "write");
    throw new TsmanError(code === "DISK_FULL" ? code : "USAGE", message, {
      hint: "name a file in a directory that exists and that you may write to, with --cidfile",
      cause: error,
    });
  }
}
