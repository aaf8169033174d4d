import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { containerPids } from "../../../container/process/container-pids.ts";
import { TsmanError } from "../../../errors/index.ts";
import { isErrno } from "../../../platform/errno.ts";
import { namespaceCreator, relatedNamespace } from "../../../platform/libc/namespaces.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { EngineContext } from "../../context.ts";
import type { NamespaceDetails } from "../../file-types.ts";
import { containerState, getContainer, isUp } from "../find-container.ts";

/** Names in /proc/PID/ns, in the order in which they are shown. */
const types = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"] as const;

type Found = NamespaceDetails & {
  readonly containers: string[];
  readonly processes: { pid: number; command: string }[];
};

/**
 * The namespaces that the processes of running containers are in, as lsns(8) shows a host's: asked
 * of the kernel, nothing is run.
 *
 * @param namesOrIds none: all that run.
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
 */
export function listNamespaces(
  context: EngineContext,
  namesOrIds: readonly string[],
): NamespaceDetails[] {
  const named = namesOrIds.map((name) => getContainer(context, name));
  const records = named.length > 0 ? named : context.store.containers.list();
  const found = new Map<string, Found>();
  for (const record of records) {
    const state = containerState(context, record);
    if (isUp(state)) addContainer(found, record, state.pid);
    else if (named.length > 0) {
      throw new TsmanError(
        "CONTAINER_NOT_RUNNING",
        `list the namespaces of container ${record.name}: it does not run, so it has none`,
        { hint: `start it with: tsman start ${record.name}` },
      );
    }
  }
  return [...found.values()].toSorted(
    (a, b) => indexOf(a.type) - indexOf(b.type) || a.inode - b.inode,
  );
}

function indexOf(type: string): number {
  return (types as readonly string[]).indexOf(type);
}

function addContainer(found: Map<string, Found>, { name }: ContainerRecord, init: number): void {
  for (const pid of containerPids(init)) {
    const command = commandOf(pid);
    for (const type of types) {
      const inode = inodeOf(pid, type);
      if (inode === undefined) continue;
      const key = `${type}:${inode}`;
      const namespace = found.get(key) ?? examine(pid, type);
      if (namespace === undefined) continue;
      found.set(key, namespace);
      if (!namespace.containers.includes(name)) namespace.containers.push(name);
      if (namespace.processes.every((one) => one.pid !== pid)) {
        namespace.processes.push({ pid, command });
      }
    }
  }
}

/** Undefined for a process that has ended, and for a kind that this kernel lacks. */
function inodeOf(pid: number | "self", type: string): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/${type}`).ino;
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

function examine(pid: number, type: string): Found | undefined {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/ns/${type}`, "r");
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
  try {
    const inode = fstatSync(fd).ino;
    const isUser = type === "user";
    const hasParent = isUser || type === "pid";
    return {
      type,
      inode,
      owner: inodeOfRelated(fd, "owner"),
      parent: hasParent ? inodeOfRelated(fd, "parent") : undefined,
      creator: isUser ? namespaceCreator(fd) : undefined,
      uidMap: isUser ? mapOf(pid, "uid_map") : undefined,
      gidMap: isUser ? mapOf(pid, "gid_map") : undefined,
      isHost: inodeOf("self", type) === inode,
      containers: [],
      processes: [],
    };
  } finally {
    closeSync(fd);
  }
}

function inodeOfRelated(fd: number, relation: "owner" | "parent"): number | undefined {
  const related = relatedNamespace(fd, relation);
  if (related === undefined) return undefined;
  try {
    return fstatSync(related).ino;
  } finally {
    closeSync(related);
  }
}

/** Lines `INSIDE OUTSIDE COUNT`. */
function mapOf(pid: number, name: "uid_map" | "gid_map"): string[] | undefined {
  return readProc(pid, name)
    ?.split("\n")
    .map((line) => line.trim().replace(/\s+/g, " "))
    .filter((line) => line !== "");
}

function commandOf(pid: number): string {
  const text = readProc(pid, "cmdline") ?? "";
  return text.replace(/\0+$/, "").replaceAll("\0", " ").slice(0, 4096);
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}
