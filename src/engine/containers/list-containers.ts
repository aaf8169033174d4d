import { existsSync, readlinkSync } from "node:fs";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type {
  ContainerListOptions,
  ContainerNamespaces,
  ContainerState,
  ContainerSummary,
} from "../types.ts";
import { containerSummary } from "./container-summary.ts";

/** What is listed without `all`; Docker counts what is about to run again too. */
const ups: ReadonlySet<ContainerState> = new Set(["running", "paused", "restarting"]);

/** The containers of the store with what the kernel says of each, the newest first. */
export async function listContainers(
  context: EngineContext,
  options: ContainerListOptions = {},
): Promise<readonly ContainerSummary[]> {
  const records: ContainerRecord[] = [];
  const summaries: ContainerSummary[] = [];
  const { containers } = context.store;
  // Spares the stopped ones, which may be many, the reading.
  const isWanted = (id: string): boolean => existsSync(`${containers.runDir(id)}/monitor`);
  for (const record of containers.list(options.all === true ? undefined : isWanted)) {
    const summary = containerSummary(context, record);
    // What was killed before it could remove it is not to be seen for ever (--rm).
    const { remove, ephemeral } = record.options;
    if ((remove || ephemeral) && summary.state === "stopped") {
      const { removeIfAbandoned } = await import("./abandoned.ts");
      if (await removeIfAbandoned(context, record)) continue;
    }
    if (options.all !== true && !ups.has(summary.state)) continue;
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
