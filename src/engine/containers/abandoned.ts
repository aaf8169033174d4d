import process from "node:process";
import { bootId } from "../../platform/boot-id.ts";
import { processStartTime } from "../../platform/process-start-time.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { containerState, isUp } from "./find-container.ts";
import { tryLockContainer } from "./lock-container.ts";
import { isPolicyDue } from "./next-life.ts";

/** This process, for {@link ContainerRecord.starter}. */
export function thisProcess(): string {
  return `${process.pid} ${processStartTime(process.pid) ?? 0}`;
}

/**
 * Whether a container was to be removed at its end, or at that of who started it, and nobody is left
 * to do so: whoever started it was killed before its monitor lived, or both were, or the host was.
 *
 * Conclusive only while the container's lock is held.
 */
export function isAbandoned(context: EngineContext, record: ContainerRecord): boolean {
  const { remove, ephemeral = false } = record.options;
  if (!(remove || ephemeral) || record.startedAt === undefined) return false;
  if (isUp(containerState(context, record)) || isPolicyDue(context, record)) return false;
  if (record.bootId !== bootId()) return true;
  const [pid, startTime] = (record.starter ?? "").split(" ");
  if (pid === undefined || startTime === undefined) return false;
  return String(processStartTime(Number(pid))) !== startTime;
}

/**
 * Removes a container that is {@link isAbandoned}, volumes that were made for it alone included.
 *
 * @returns whether it is gone.
 */
export async function removeIfAbandoned(
  context: EngineContext,
  record: ContainerRecord,
): Promise<boolean> {
  if (!isAbandoned(context, record)) return false;
  const { discardContainer } = await import("./remove-container.ts");
  try {
    const lock = tryLockContainer(context, record);
    if (lock === undefined) return false;
    try {
      const now = context.store.containers.find(record.id);
      if (now === undefined) return true;
      if (!isAbandoned(context, now)) return false;
      await discardContainer(context, now, { volumes: true, lock });
      return true;
    } finally {
      lock.release();
    }
  } catch {
    // A read-only store, say: it stays, and is told as what it is.
    return !context.store.containers.has(record.id);
  }
}
