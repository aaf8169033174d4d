import { writePidFile } from "../../container/pid-file.ts";
import type { RuntimeConfig } from "../../oci/runtime-config.ts";
import type { LaunchPlan } from "../../runtime/launch-plan.ts";
import { startMonitor } from "../../runtime/monitor-client.ts";
import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import { findGroup } from "../containers/container-cgroup.ts";
import {
  claimDirectory,
  markCreated,
  removeDirectory,
  stateAs,
  writeRecord,
} from "./container-directory.ts";
import { removeAbandoned } from "./end-oci-container.ts";
import { runHooks, runPoststop } from "./hooks.ts";
import { prepareOciGroup, removeOciGroup } from "./oci-group.ts";
import type { OciRecord } from "./oci-record.ts";
import type { CreateRequest, OciContext } from "./oci-types.ts";
import { newRecord, planBundle, prepareBundle } from "./prepare-bundle.ts";
import { rememberSteps } from "./waiting-steps.ts";

/**
 * `create`: everything of a bundle but its program, which waits for `start`.  The first process is
 * the nearest subreaper's child from then on, and nothing of ours runs.
 *
 * @throws TsmanError CONFIG_INVALID, NAME_IN_USE, RUNTIME_FAILED and the like; nothing is left then.
 */
export async function createOciContainer(
  context: OciContext,
  request: CreateRequest,
): Promise<void> {
  const prepared = await prepareBundle(context, request, true);
  const record = newRecord(request, prepared);
  await removeAbandoned(context);
  const directory = claimDirectory(context, request.id);
  let handle: MonitorHandle | undefined;
  try {
    writeRecord(directory, record, prepared.configBytes, prepared.filter);
    const cgroup = await prepareOciGroup(context, prepared, request.id, directory);
    const plan = planBundle(prepared, {
      cgroup,
      record,
      directory,
      departure: departureOf(request, "start-pipes"),
      foreground: false,
      isPassedThrough: !(prepared.config.process.terminal ?? false),
      hold: true,
    });
    rememberSteps(directory, plan);
    handle = await startForCaller(context, request, plan);
    await setUp(context, prepared.config, record, handle);
    if (request.pidFile !== undefined) {
      writePidFile(request.pidFile, (await handle.created).pid);
    }
    markCreated(directory);
    handle.start();
    await handle.left;
    await handle.departed();
  } catch (error) {
    await handle?.end();
    await undo(context, prepared.config, record, directory);
    throw error;
  }
}

/** Waits until all is set up; runs the hooks that belong in between. */
export async function setUp(
  context: OciContext,
  { hooks }: RuntimeConfig,
  record: OciRecord,
  handle: MonitorHandle,
): Promise<void> {
  const before = [...(hooks?.prestart ?? []), ...(hooks?.createRuntime ?? [])];
  if (before.length > 0) {
    const state = stateAs(record, "creating", await handle.asked);
    await runHooks("prestart", hooks?.prestart, state, context.signal);
    await runHooks("createRuntime", hooks?.createRuntime, state, context.signal);
    handle.go();
  }
  await handle.ready;
}

/** What a start that failed has left, and the hooks for the end (runtime.md, "Lifecycle", 12 and 13). */
export async function undo(
  context: OciContext,
  { hooks }: RuntimeConfig,
  record: OciRecord,
  directory: string,
): Promise<void> {
  const group = findGroup(directory);
  // Whoever has removed it meanwhile (`delete --force`) runs them.
  if (!removeDirectory(directory)) return;
  await removeOciGroup(group);
  await runPoststop(context, hooks, record);
}

/** How the caller goes on without us. */
export function departureOf(
  {
    consoleSocket,
    preserveFds,
    newKeyring,
  }: Pick<CreateRequest, "consoleSocket" | "preserveFds" | "newKeyring">,
  leaves: "start-pipes" | "leave" | undefined,
) {
  return { leaves, consoleSocket, preserve: preserveFds, hasOwnKeyring: newKeyring };
}

/** Starts a monitor with the caller's own streams, and its descriptors from 3 on (`--preserve-fds`). */
export async function startForCaller(
  { signal, onWarning }: OciContext,
  { preserveFds }: Pick<CreateRequest, "preserveFds">,
  plan: LaunchPlan,
): Promise<MonitorHandle> {
  return await startMonitor({
    plan,
    stdio: { stdin: "inherit", stdout: "inherit", stderr: "inherit" },
    preserve: Array.from({ length: preserveFds }, (_, index) => 3 + index),
    signal,
    onWarning,
  });
}
