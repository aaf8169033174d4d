import { readNamespace } from "../../container/process/proc-file.ts";
import { TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { containerState, isUp } from "./find-container.ts";

/**
 * A container of a user namespace that sees the host's processes: programs of it could trace what
 * is started on the host in that namespace, and get at the host through it (CVE-2016-9962).
 * Whatever its options say: it may have joined another container's namespaces.
 *
 * @param userns as of /proc/PID/ns/user: `user:[4026532208]`.
 */
export function findWatcher(context: EngineContext, userns: string): ContainerRecord | undefined {
  const ourPids = readNamespace("self", "pid");
  return context.store.containers.list().find((other) => {
    const state = containerState(context, other);
    if (!isUp(state) || readNamespace(state.pid, "user") !== userns) return false;
    return readNamespace(state.pid, "pid") === ourPids;
  });
}

/**
 * Refuses to start a program of the host in the user namespace of a process while a container of
 * that namespace could trace it.
 *
 * @param helper the program's name.
 * @throws TsmanError USAGE
 */
export function assertUnwatched(
  context: EngineContext,
  { pid, name, helper }: { readonly pid: number; readonly name: string; readonly helper: string },
): void {
  const userns = readNamespace(pid, "user");
  const watcher = userns === undefined ? undefined : findWatcher(context, userns);
  if (watcher === undefined) return;
  throw new TsmanError(
    "USAGE",
    `start container ${name}: container ${watcher.name}, in the same user namespace, has the host's ` +
      `processes and could trace ${helper}`,
    {
      hint:
        helper === "slirp4netns"
          ? `choose --network none, host or container:${watcher.name}, or join another container`
          : `start ${watcher.name} without --pid host, or join another container`,
      details: { container: watcher.id },
    },
  );
}

/**
 * Refuses to start a container that sees the host's processes in the user namespace of a process
 * where one of the host's programs is at work.
 *
 * @throws TsmanError USAGE
 */
export function assertNothingTraceable(
  context: EngineContext,
  { pid, name }: { readonly pid: number; readonly name: string },
): void {
  const userns = readNamespace(pid, "user");
  const other = context.store.containers.list().find((one) => {
    if (one.driver !== "fuse-overlayfs") return false;
    const state = containerState(context, one);
    return isUp(state) && readNamespace(state.pid, "user") === userns;
  });
  if (other === undefined) return;
  throw new TsmanError(
    "USAGE",
    `start container ${name}: with the host's processes it could trace fuse-overlayfs, which has the ` +
      `files of container ${other.name}`,
    { hint: "start it without --pid host", details: { container: other.id } },
  );
}
