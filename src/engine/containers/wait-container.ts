import { healthPolicy } from "../../container/health-policy.ts";
import { findLiveProcess } from "../../container/liveness.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { FileChanges } from "../../platform/file-changes.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { WaitCondition, WaitOptions } from "../types.ts";
import { containerSummary } from "./container-summary.ts";
import { containerState, getContainer } from "./find-container.ts";
import { exitStatusOfRecord, waitForExit } from "./wait-for-exit.ts";

/** A condition that holds while the program has no end: Podman's answer then. */
const noStatus = -1;
/** Milliseconds, as Podman's. */
const defaultInterval = 250;

/** Whoever uses the library without types may write anything. */
const known = new Set<WaitCondition>([
  ...(["configured", "created", "initialized", "running", "paused"] as const),
  ...(["stopped", "exited", "unknown", "removing", "healthy", "unhealthy"] as const),
]);
const endings: readonly WaitCondition[] = ["stopped", "exited"];
const healths: readonly WaitCondition[] = ["healthy", "unhealthy"];

/**
 * Waits until one of the conditions holds; when its end is waited for, gives its exit status.
 *
 * @throws TsmanError USAGE, CONTAINER_NOT_FOUND, EXIT_STATUS_UNKNOWN, INTERRUPTED, and
 * CONTAINER_NOT_RUNNING when it is over and nothing but its health was waited for
 */
export async function waitContainer(
  context: EngineContext,
  nameOrId: string,
  options: WaitOptions,
): Promise<{ readonly status: number }> {
  const first = getContainer(context, nameOrId);
  const conditions = options.conditions?.length ? options.conditions : endings;
  const unknown = conditions.find((condition) => !known.has(condition));
  if (unknown !== undefined) {
    throw new TsmanError(
      "USAGE",
      `wait for container ${first.name}: no condition ${JSON.stringify(unknown)}`,
      { hint: `use some of: ${[...known].join(", ")}` },
    );
  }
  const { signal } = options;
  // Before the first look: what happens after it changes the file of events.
  using changes = new FileChanges(context.store.events.path, signal);
  for (;;) {
    const record = context.store.containers.find(first.id);
    if (record === undefined) {
      if (conditions.includes("removing")) return { status: noStatus };
      return { status: exitStatusOfRecord(first, await endFromEvents(context, first)) };
    }
    if (isEnding(context, record)) {
      await changes.next(options.interval ?? defaultInterval);
      signal?.throwIfAborted();
      continue;
    }
    const held = conditions.find((condition) => holds(context, record, condition));
    if (held !== undefined && !endings.includes(held)) return { status: noStatus };
    if (held !== undefined) {
      const state = containerState(context, record);
      const exit = state.status === "exited" ? state.exit : undefined;
      return { status: exitStatusOfRecord(record, exit ?? (await endFromEvents(context, record))) };
    }
    if (conditions.every((one) => healths.includes(one))) assertChecked(context, record);
    const isUp = containerSummary(context, record).pid !== undefined;
    // The kernel tells of the end of a monitor, whatever has become of the file of events.
    if (isUp && conditions.every((one) => endings.includes(one))) {
      await waitForExit(context, record, signal);
    } else await changes.next(options.interval ?? defaultInterval);
    signal?.throwIfAborted();
  }
}

/** Its program is over (or not yet begun), and its monitor is about to say how it ended. */
function isEnding(context: EngineContext, record: ContainerRecord): boolean {
  const state = containerState(context, record);
  if (state.status !== "exited" || state.exit !== undefined) return false;
  return findLiveProcess(context.store.containers.runDir(record.id), "monitor") !== undefined;
}

/** Whoever waits for its health would wait for ever. */
function assertChecked(context: EngineContext, record: ContainerRecord): void {
  const what = `wait for the health of container ${record.name}`;
  const details = { container: record.id };
  if (containerSummary(context, record).state === "stopped") {
    // It has ended since the last look: the next one tells how.
    if (isEnding(context, record)) return;
    const { exitCode } = containerSummary(context, record);
    const how = exitCode === undefined ? "" : `, with status ${exitCode}`;
    throw new TsmanError("CONTAINER_NOT_RUNNING", `${what}: it has ended${how}`, {
      hint: `look at what it wrote: tsman logs ${record.name}`,
      details,
    });
  }
  const image =
    record.imageId === undefined ? undefined : context.store.images.findById(record.imageId);
  if (healthPolicy(record.options.health, image?.config.config) === undefined) {
    throw new TsmanError("USAGE", `${what}: it has no health check`, {
      hint: "give it one (--health-cmd), or wait for something else",
      details,
    });
  }
}

function holds(context: EngineContext, record: ContainerRecord, condition: WaitCondition): boolean {
  const { state, exitCode, health } = containerSummary(context, record);
  switch (condition) {
    case "configured":
    case "created":
      return state === "created";
    case "initialized":
    case "running":
    case "paused":
      return state === condition;
    case "stopped":
    case "exited":
      return state === "stopped" || state === "restarting";
    case "unknown":
      return state === "stopped" && exitCode === undefined;
    case "healthy":
    case "unhealthy":
      return health === condition;
    case "removing":
      return false;
  }
}

/** What the monitor told of the end of a container that was removed since (`--rm`). */
async function endFromEvents(
  context: EngineContext,
  record: ContainerRecord,
): Promise<{ readonly exitCode: number } | undefined> {
  const { readEvents } = await import("../events/read-events.ts");
  const since = record.startedAt === undefined ? undefined : new Date(record.startedAt);
  let end: { readonly exitCode: number } | undefined;
  try {
    for await (const event of readEvents(context, { since, follow: false })) {
      if (event.id === record.id && event.status === "died" && event.exitCode !== undefined) {
        end = { exitCode: event.exitCode };
      }
    }
  } catch (error) {
    if (!isTsmanError(error)) throw error;
  }
  return end;
}
