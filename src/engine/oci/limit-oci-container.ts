import { readFileSync } from "node:fs";
import { limitsOf } from "../../bundle/adopt/adopt-resources.ts";
import { changeLimits } from "../../cgroup/change-limits.ts";
import { compileLimits } from "../../cgroup/compile-limits.ts";
import { readGroupText } from "../../cgroup/hierarchy.ts";
import { readUsage } from "../../cgroup/usage.ts";
import { TsmanError } from "../../errors/index.ts";
import { parseResourcesConfig, type ResourcesConfig, refused } from "../../oci/runtime-config.ts";
import { toFileError } from "../../platform/errno.ts";
import { getOciContainer } from "./container-directory.ts";
import { readGivenDocument } from "./given-document.ts";
import { getOciGroup } from "./oci-group.ts";
import type { OciContext } from "./oci-types.ts";

/**
 * Reads the document of `update --resources`.
 *
 * @param file absolute; `-`: standard input.
 * @throws TsmanError CONFIG_INVALID, PREFLIGHT_STORAGE
 */
export function readResources(file: string): ResourcesConfig {
  if (file !== "-") return parseResourcesConfig(readGivenDocument(file), file);
  return parseResourcesConfig(readStandardInput(), "standard input");
}

function readStandardInput(): Uint8Array {
  try {
    return readFileSync(0);
  } catch (error) {
    throw toFileError(error, "read standard input");
  }
}

/**
 * `update`: other limits for a container that is there.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONFIG_INVALID, PREFLIGHT_CGROUP
 */
export function updateOciContainer(
  context: OciContext,
  id: string,
  resources: ResourcesConfig,
): void {
  const { directory, init, status } = getOciContainer(context, id);
  const what = `update container ${id}`;
  if (init === undefined) {
    throw new TsmanError("CONTAINER_NOT_RUNNING", `${what}: it is ${status}`);
  }
  const settings = compileLimits(limitsOf(resources, ""));
  const group = getOciGroup(directory, what);
  assertFits(resources, readUsage(group.path).memory);
  const before = settings.flatMap((setting) => {
    const value = readGroupText(`${group.path}/${setting.file}`)?.trim();
    return value === undefined ? [] : [{ ...setting, value }];
  });
  changeLimits(group.path, before, settings);
}

/**
 * Refuses a limit of memory that is used up already, where `memory.checkBeforeUpdate` asks for that:
 * the kernel's version 2 would end processes for it.
 *
 * @param used bytes; undefined where nobody counts them.
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function assertFits({ memory }: ResourcesConfig, used: number | undefined): void {
  if (memory?.checkBeforeUpdate !== true || used === undefined) return;
  for (const name of ["limit", "swap"] as const) {
    const bytes = memory[name] ?? 0;
    if (bytes > 0 && bytes < used) throw refused(`/memory/${name}`, `${used} bytes are used now`);
  }
}

/**
 * `events --stats`: what a container uses, in the form of runc's events.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, PREFLIGHT_CGROUP
 */
export function statsOfOciContainer(context: OciContext, id: string) {
  const { directory } = getOciContainer(context, id);
  const group = getOciGroup(directory, `read events of container ${id}`);
  const { cpuMicroseconds = 0, memory, memoryLimit, block, tasks } = readUsage(group.path);
  const pidsLimit = Number(readGroupText(`${group.path}/pids.max`)?.trim());
  return {
    type: "stats",
    id,
    data: {
      cpu: { usage: { total: cpuMicroseconds * 1000 } },
      memory: { usage: { usage: memory ?? 0, limit: memoryLimit ?? 0 } },
      pids: { current: tasks ?? 0, limit: Number.isNaN(pidsLimit) ? 0 : pidsLimit },
      blkio: {
        ioServiceBytesRecursive: [
          { op: "Read", value: block?.read ?? 0 },
          { op: "Write", value: block?.written ?? 0 },
        ],
      },
    },
  };
}
