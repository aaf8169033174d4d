import { existsSync, readlinkSync } from "node:fs";
import path from "node:path";
import { bootId } from "../../platform/boot-id.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerListOptions, ContainerNamespaces, ContainerSummary } from "../types.ts";
import { containerSummary } from "./container-summary.ts";

/** The containers of the store with what the kernel says of each, the newest first. */
export async function listContainers(
  context: EngineContext,
  options: ContainerListOptions = {},
): Promise<readonly ContainerSummary[]> {
  const records: ContainerRecord[] = [];
  const summaries: ContainerSummary[] = [];
  for (const record of context.store.containers.list()) {
    if (options.all !== true && !mayBeUp(context, record)) continue;
    const summary = containerSummary(context, record);
    if (options.all !== true && summary.state !== "running" && summary.state !== "paused") continue;
    records.push(record);
    summaries.push(
      options.namespaces === true ? { ...summary, namespaces: namespacesOf(summary.pid) } : summary,
    );
  }
  if (options.size !== true) return summaries;
  const { containerSizes } = await import("./container-size.ts");
  const sizes = await containerSizes(context, records);
  return summaries.map((summary) => ({ ...summary, size: sizes.get(summary.id) }));
}

/** Spares the stopped ones, which may be many, the look at how they ended. */
function mayBeUp({ store }: EngineContext, record: ContainerRecord): boolean {
  return (
    record.bootId === bootId() && existsSync(path.join(store.containers.runDir(record.id), "init"))
  );
}

/** Of a process, by the links of proc_pid_ns(5); undefined when it has ended meanwhile. */
function namespacesOf(pid: number | undefined): ContainerNamespaces | undefined {
  if (pid === undefined) return undefined;
  const inode = (name: string): string =>
    /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/${name}`))?.[1] ?? "";
  try {
    return {
      cgroup: inode("cgroup"),
      ipc: inode("ipc"),
      mnt: inode("mnt"),
      net: inode("net"),
      pid: inode("pid"),
      user: inode("user"),
      uts: inode("uts"),
    };
  } catch {
    return undefined;
  }
}
