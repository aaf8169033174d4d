import { chmodSync, closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { exitCodeOfWaitStatus } from "../../container/exit-record.ts";
import { assertContainerName, randomContainerName } from "../../container/names.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { bootId } from "../../platform/boot-id.ts";
import { toFileError } from "../../platform/errno.ts";
import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import { compileSeccompFilter } from "../../runtime/seccomp-filter.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import { adoptPaths } from "../adopt-paths.ts";
import type { EngineContext } from "../context.ts";
import { ensureLayers } from "../images/ensure-layers.ts";
import { originClient } from "../images/origin-client.ts";
import type { RunIo, RunSession } from "../types.ts";
import { configFileName } from "./find-container.ts";
import { launch } from "./launch.ts";
import { stopSignalOf } from "./launch-context.ts";
import { type ContainerPlan, planContainer } from "./plan-container.ts";
import { discardContainer, removeContainer } from "./remove-container.ts";

/** Names are random: after so many collisions in a row something else is wrong. */
const nameAttempts = 16;

/**
 * Makes a container and starts it.  Every step registers its undo at once: whatever fails, nothing
 * is left behind.
 *
 * @throws TsmanError
 */
export async function runContainer(
  context: EngineContext,
  options: ContainerOptions,
  io: RunIo,
): Promise<RunSession> {
  if (options.name !== undefined) assertContainerName(options.name);
  if (options.replace && options.name !== undefined) await removeHolder(context, options.name);
  const planned = await planContainer(context, options, io);
  for (const warning of [...planned.bundle.warnings, ...planned.network.warnings]) {
    io.onWarning?.(warning);
  }
  if (planned.mapping.warning !== undefined) io.onWarning?.(planned.mapping.warning);
  if (planned.image !== undefined) {
    await using client = options.pull === "never" ? undefined : originClient(planned.image, io);
    await ensureLayers(context, planned.image, {
      mapping: planned.mapping,
      client,
      signal: io.signal,
      // A layer that is there is no news when nothing is being fetched.
      onProgress: (event) => {
        if (event.kind !== "layer-exists") io.onProgress?.(event);
      },
    });
  }
  await using undo = new AsyncDisposableStack();
  const record = createRecord(context, planned);
  undo.defer(() => discardContainer(context, record, { volumes: true }));
  await writeBundle(context, planned);
  if (options.cidFile !== undefined) {
    writeIdFile(options.cidFile, record.id);
    undo.defer(() => rmSync(options.cidFile as string, { force: true }));
  }
  const { handle, driver, ports } = await launch(context, planned, {
    io,
    seccompFilter: await seccompFilter(context, planned),
  });
  undo.move();
  if (ports.length > 0 || driver !== "overlay") {
    context.store.containers.update(record.id, { ports, driver });
  }
  const exited = endOf(context, record, handle);
  // Whoever does not ask for the end must not be ended by its failure.
  exited.catch(() => undefined);
  return {
    id: record.id,
    name: record.name,
    started: handle.started,
    exited,
    detached: handle.detached,
    signal: (n) => handle.signal(n),
    resize: (rows, columns) => handle.resize(rows, columns),
    release: () => handle.disconnect(),
  };
}

async function endOf(
  context: EngineContext,
  record: ContainerRecord,
  handle: MonitorHandle,
): Promise<{ readonly status: number }> {
  try {
    return { status: exitCodeOfWaitStatus(await handle.exited) };
  } finally {
    // As Podman does: with the container go the volumes that were made for it alone.
    if (record.options.remove) await discardContainer(context, record, { volumes: true });
  }
}

async function seccompFilter(
  context: EngineContext,
  planned: ContainerPlan,
): Promise<Uint8Array | undefined> {
  const { seccomp } = planned.bundle.config.linux;
  if (seccomp === undefined) return undefined;
  return await compileSeccompFilter(seccomp, context.paths.cacheDir);
}

async function removeHolder(context: EngineContext, name: string): Promise<void> {
  const holder = context.store.containers.find(name);
  // An id that begins like the wanted name is not a holder of it.
  if (holder?.name === name) await removeContainer(context, holder.id, { force: true });
}

function createRecord(context: EngineContext, planned: ContainerPlan): ContainerRecord {
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
    bootId: bootId(),
    startedAt: now,
  };
  for (let attempt = 1; ; attempt += 1) {
    const named = attempt === 1 ? record : { ...record, name: randomContainerName() };
    try {
      context.store.containers.create(named);
      return named;
    } catch (error) {
      const isRandomName = options.name === undefined;
      if (!isRandomName || attempt === nameAttempts || !isTsmanError(error, "NAME_IN_USE")) {
        throw error;
      }
    }
  }
}

/** `containers/<id>`: config.json and the artefacts; volumes too, since they have to exist. */
async function writeBundle(context: EngineContext, planned: ContainerPlan): Promise<void> {
  const { containers, volumes } = context.store;
  const dir = containers.dir(planned.id);
  try {
    writeFileSync(path.join(dir, configFileName), JSON.stringify(planned.bundle.config), {
      mode: 0o600,
    });
    for (const { name, content } of planned.bundle.artefacts) {
      // Bound into the container, whose users must be able to read it.
      writeFileSync(path.join(dir, name), content);
      chmodSync(path.join(dir, name), 0o644);
    }
    const artefacts = planned.bundle.artefacts.map(({ name }) => path.join(dir, name));
    await adoptPaths(context, artefacts, planned.mapping);
  } catch (error) {
    throw toFileError(error, `write container ${planned.name}`);
  }
  containers.ensureRunDir(planned.id);
  for (const volume of planned.volumes) {
    volumes.ensure(volume.volumeName, { isAnonymous: volume.name === undefined });
  }
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
    throw toFileError(error, `write container id to ${file}`);
  }
}
