import { existsSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { neededContainers } from "../../bundle/joins.ts";
import { TsmanError } from "../../errors/index.ts";
import { bootId } from "../../platform/boot-id.ts";
import { monitorFailureOf } from "../../runtime/failure.ts";
import type { ContainerPatch, ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { ensureLayers } from "../images/ensure-layers.ts";
import type { OwnedIo, OwnedSession } from "../owned-session.ts";
import type { StartOptions } from "../types.ts";
import { thisProcess } from "./abandoned.ts";
import { assertNotPaused, containerState, getContainer, isUp } from "./find-container.ts";
import { launchContainer } from "./launch-container.ts";
import { busyDelay, halfRemoved, removedMeanwhile, tryLockContainer } from "./lock-container.ts";
import { endWait, isPolicyDue } from "./next-life.ts";
import { planRestart } from "./plan-container.ts";
import { writeBundle } from "./write-bundle.ts";

/** Milliseconds that a container which is being removed has for being gone. */
const longestEnd = 2000;

/** Why a container is started, where it is not that somebody asked for just that. */
export interface StartReason {
  /** What else changes in the record; undefined: it is not to be started after all. */
  readonly claim?: (record: ContainerRecord) => ContainerPatch | undefined;
  /** Its end was not that of a container which is removed at its end (`--rm`). */
  readonly isKept?: boolean;
}

/**
 * Starts a container that does not run.  A start that fails leaves it as it was.
 *
 * Two commands that start the same container, or one that removes it, are told apart by the lock in
 * its run directory: a monitor holds it for its life and gives up at once when it is taken.
 *
 * @returns undefined when it runs already, or it is not to be started after all.
 * @throws TsmanError CONTAINER_NOT_FOUND, and why it cannot start.
 */
export async function startContainer(
  context: EngineContext,
  nameOrId: string,
  io: OwnedIo,
  options: StartOptions = {},
  { claim = () => askedFor, isKept = false }: StartReason = {},
): Promise<OwnedSession | undefined> {
  const { id } = getContainer(context, nameOrId);
  const deadline = Date.now() + longestEnd;
  for (;;) {
    io.signal?.throwIfAborted();
    const record = getContainer(context, id);
    const state = containerState(context, record);
    assertNotPaused(state, record, `start container ${record.name}`);
    if (isUp(state)) return undefined;
    if (state.status === "initialized") {
      return await startHeld(context, record, { io, options, claim, isPatient: true });
    }
    // Nobody need wait until its restart policy is asked.
    if (isPolicyDue(context, record)) endWait(context, record);
    if (isKept || !removesItself(record, deadline)) {
      if (neededContainers(record.options).length > 0) {
        const { startNeeded } = await import("./needed-containers.ts");
        await startNeeded(context, record.options, io);
      }
      const isPatient = Date.now() < deadline;
      const outcome = await startOnce(context, record, { io, options, claim, isPatient });
      if (outcome !== "busy") return outcome;
    }
    // It is being started, removed or put away: what comes of that decides.
    await delay(busyDelay);
  }
}

/** Somebody wants it to run, whatever was before. */
const askedFor: ContainerPatch = { restarts: 0, restartStreak: 0, stoppedByUser: false };

/**
 * Whether a container is about to be removed because it has ended (or, seldom, to be seen running
 * because another command starts it).
 *
 * @throws TsmanError CONTAINER_NOT_RUNNING when that takes too long.
 */
function removesItself(record: ContainerRecord, deadline: number): boolean {
  if (!record.options.remove || record.startedAt === undefined) return false;
  if (Date.now() < deadline) return true;
  throw new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `start container ${record.name}: it has ended, and is to be removed at its end (--rm)`,
    {
      hint: `remove it (tsman rm ${record.name}) and run its image again`,
      details: { container: record.id },
    },
  );
}

/** With whose end it may go: a start by another command does not change that of a library's. */
function ownerOf(record: ContainerRecord, io: OwnedIo): string | undefined {
  const { ephemeral = false } = record.options;
  return ephemeral && io.ephemeral !== true ? record.starter : thisProcess();
}

interface Start {
  readonly io: OwnedIo;
  readonly options: StartOptions;
  readonly claim: NonNullable<StartReason["claim"]>;
  /** A failure that a removal at the same time may have caused is none yet. */
  readonly isPatient: boolean;
}

/** {@link startInitialized} between claiming the record and, where it fails, taking that back. */
async function startHeld(
  context: EngineContext,
  record: ContainerRecord,
  { io, options, claim }: Start,
): Promise<OwnedSession | undefined> {
  const { containers } = context.store;
  const startedAt = new Date().toISOString();
  const claimed = containers.change(record.id, (now) => {
    const patch = claim(now);
    return patch && { ...patch, startedAt, bootId: bootId(), starter: ownerOf(record, io) };
  });
  if (claimed === undefined) return undefined;
  try {
    const { startInitialized } = await import("./start-initialized.ts");
    return await startInitialized(context, claimed, io, options);
  } catch (error) {
    takeBack(context, record, startedAt);
    throw error;
  }
}

/** Unless another start of it has come since, the record is what it was. */
function takeBack(context: EngineContext, record: ContainerRecord, startedAt: string): void {
  context.store.containers.change(record.id, (now) =>
    now.startedAt === startedAt
      ? { startedAt: record.startedAt, bootId: record.bootId }
      : undefined,
  );
}

async function startOnce(
  context: EngineContext,
  record: ContainerRecord,
  { io, options, claim, isPatient }: Start,
): Promise<OwnedSession | "busy" | undefined> {
  const { containers } = context.store;
  const startedAt = new Date().toISOString();
  let isClaimed = false;
  try {
    const planned = await planRestart(context, record, {
      ...record.options,
      name: record.name,
      detach: options.attach !== true,
      // In the background it is kept open for whoever attaches.
      interactive: record.options.interactive && (options.interactive ?? options.attach !== true),
      detachKeys: options.detachKeys ?? record.options.detachKeys,
    });
    for (const warning of planned.bundle.warnings) io.onWarning?.(warning);
    if (planned.image !== undefined) {
      await ensureLayers(context, planned.image, { mapping: planned.mapping, signal: io.signal });
    }
    let outcome: "busy" | undefined;
    const claimed = containers.change(record.id, (now) => {
      if (now.startedAt !== record.startedAt) outcome = "busy";
      const patch = outcome === undefined ? claim(now) : undefined;
      return patch === undefined
        ? undefined
        : { ...patch, startedAt, bootId: bootId(), starter: ownerOf(record, io) };
    });
    if (claimed === undefined) return outcome;
    isClaimed = true;
    await writeBundle(context, planned);
    const driver = record.startedAt === undefined ? undefined : (record.driver ?? "overlay");
    return await launchContainer(context, claimed, planned, io, driver);
  } catch (error) {
    const isDisturbedNow = !isBusy(error) && isPatient && (await isDisturbed(context, record));
    if (!containers.has(record.id)) {
      rmSync(containers.runDir(record.id), { recursive: true, force: true });
      throw removedMeanwhile(record);
    }
    if (isClaimed) takeBack(context, record, startedAt);
    if (isBusy(error) || isDisturbedNow) return "busy";
    if (!existsSync(containers.dir(record.id))) throw halfRemoved("start", record, error);
    throw error;
  }
}

/**
 * Whether another command removes the container, or starts it, which may be why a start has failed:
 * it has the lock then, and longer than the own monitor needs to go away.
 */
async function isDisturbed(context: EngineContext, record: ContainerRecord): Promise<boolean> {
  for (let left = 20; left > 0; left -= 1) {
    const lock = tryLockContainer(context, record);
    lock?.release();
    if (lock !== undefined) return false;
    await delay(busyDelay);
  }
  return true;
}

/** Whether another process has the container's lock. */
function isBusy(error: unknown): boolean {
  const failure = monitorFailureOf(error);
  return failure?.stage === "monitor" && failure.operation === "lock";
}
