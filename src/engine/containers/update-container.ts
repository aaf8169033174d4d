import { type HealthOptions, healthPolicy, mayRestart } from "../../container/health-policy.ts";
import { readHealth } from "../../container/health-state.ts";
import { mergedLimits } from "../../container/limits.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { hasRestartPolicy } from "../../container/restart-policy.ts";
import { TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerChanges } from "../types.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";

/**
 * Changes what a container was made with.
 *
 * @returns the container's id, and what the user should know.
 * @throws TsmanError CONTAINER_NOT_FOUND, USAGE
 */
export async function updateContainer(
  context: EngineContext,
  nameOrId: string,
  changes: ContainerChanges,
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  const current = getContainer(context, nameOrId);
  const { id } = current;
  const warnings: string[] = [];
  if (changes.limits !== undefined) {
    const { updateLimits } = await import("./update-limits.ts");
    updateLimits(context, current, changes.limits);
  }
  let before: ContainerRecord | undefined;
  const updated = context.store.containers.change(id, (record) => {
    const { restart = record.options.restart } = changes;
    const health = mergedHealth(record.options.health, changes.health);
    const limits = mergedLimits(record.options.limits, changes.limits);
    const next = { ...record, options: { ...record.options, restart, health, limits } };
    assertPossible(context, next, changes);
    before = record;
    return { options: next.options };
  });
  if (before === undefined || updated === undefined) return { id, warnings };
  if (isUp(containerState(context, before))) {
    const fromNextStart = (what: string): void => {
      warnings.push(`container ${updated.name} runs ${what} counts from its next start`);
    };
    // Its monitor executes something at its end only if it was told so when it began.
    if (!hasRestartPolicy(before.options.restart) && hasRestartPolicy(changes.restart)) {
      fromNextStart("without a restart policy: the new one");
    }
    if (changes.health !== undefined && !changeMonitor(context, before, updated)) {
      fromNextStart("with its earlier health check: the new one");
    }
  }
  context.events.emit(containerEvent("update", updated));
  return { id, warnings };
}

/** What is not said anew stays; a check that is switched off takes its numbers along. */
function mergedHealth(
  old: HealthOptions | undefined,
  changes: HealthOptions | undefined,
): HealthOptions | undefined {
  if (changes === undefined) return old;
  return changes.test?.[0] === "NONE" ? changes : { ...old, ...changes };
}

function policyOf(context: EngineContext, { options, imageId }: ContainerRecord) {
  const image = imageId === undefined ? undefined : context.store.images.findById(imageId);
  return healthPolicy(options.health, image?.config.config);
}

/** @throws TsmanError USAGE for what `run` would refuse, and for numbers of no check. */
function assertPossible(
  context: EngineContext,
  record: ContainerRecord,
  { health, restart }: ContainerChanges,
): void {
  const refuse = (why: string, hint: string): never => {
    throw new TsmanError("USAGE", `update container ${record.name}: ${why}`, { hint });
  };
  const policy = policyOf(context, record);
  if (health !== undefined && health.test?.[0] !== "NONE" && policy === undefined) {
    refuse("it has no health check", "say how to check: --health-cmd COMMAND");
  }
  if (!record.options.remove) return;
  const hint = "leave that out: with --rm the container goes at its end";
  if (hasRestartPolicy(restart)) refuse("what --rm removes has no restart policy", hint);
  if (health !== undefined && mayRestart(policy))
    refuse("no check can restart what --rm removes", hint);
}

/** Tells the monitor of a container that is up; false: it cannot do that as it was started. */
function changeMonitor(
  context: EngineContext,
  before: ContainerRecord,
  updated: ContainerRecord,
): boolean {
  const old = policyOf(context, before);
  const policy = policyOf(context, updated);
  const runDir = context.store.containers.runDir(updated.id);
  if (old === undefined || policy === undefined || readHealth(runDir) === undefined) return false;
  // The plans of the checks are made when the container is started.
  const plans = [old, policy].map(({ command, startup }) => JSON.stringify([command, startup]));
  if (plans[0] !== plans[1]) return false;
  const mayRestartNow = mayRestart(old) || hasRestartPolicy(before.options.restart);
  if (mayRestart(policy) && !mayRestartNow) return false;
  return sendMonitorCommand(runDir, { kind: "health-policy", policy });
}
