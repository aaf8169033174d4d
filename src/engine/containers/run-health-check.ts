import { type HealthRecord, readHealth } from "../../container/health-state.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { TsmanError } from "../../errors/index.ts";
import { DirectoryChanges } from "../../platform/directory-changes.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { HealthResult } from "../details-types.ts";
import { assertNotPaused, containerState, getContainer } from "./find-container.ts";

/**
 * Has the monitor of a container check its health now, and waits for how it went.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED; USAGE when it has
 * no health check.
 */
export async function runHealthCheck(
  context: EngineContext,
  nameOrId: string,
  signal?: AbortSignal,
): Promise<HealthResult> {
  const record = getContainer(context, nameOrId);
  assertRuns(context, record);
  const runDir = context.store.containers.runDir(record.id);
  if (readHealth(runDir) === undefined) throw noCheck(record);
  const asked = new Date().toISOString();
  using changes = new DirectoryChanges(runDir);
  if (!sendMonitorCommand(runDir, { kind: "health" })) throw notRunning(record);
  for (;;) {
    const result = resultSince(readHealth(runDir), asked);
    if (result !== undefined) return result;
    signal?.throwIfAborted();
    assertRuns(context, record);
    await changes.next();
  }
}

function assertRuns(context: EngineContext, record: ContainerRecord): void {
  const state = containerState(context, record);
  assertNotPaused(state, record, `check the health of container ${record.name}`);
  if (state.status !== "running") throw notRunning(record);
}

function resultSince(health: HealthRecord | undefined, asked: string): HealthResult | undefined {
  const last = health?.results.at(-1);
  // Both are RFC 3339 in UTC; of one that was going on already we do not hear.
  return last !== undefined && last.start.slice(0, 23) >= asked.slice(0, 23) ? last : undefined;
}

function notRunning(record: ContainerRecord): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `check the health of container ${record.name}: it does not run`,
    { details: { container: record.id } },
  );
}

function noCheck(record: ContainerRecord): TsmanError {
  return new TsmanError(
    "USAGE",
    `check the health of container ${record.name}: it has no health check`,
    {
      hint: "make it with --health-cmd COMMAND",
      details: { container: record.id },
    },
  );
}
