import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Bundle } from "../../bundle/bundle.ts";
import type { ContainerGroup } from "../../cgroup/container-group.ts";
import { removeGroup } from "../../cgroup/group.ts";
import { readGroupText } from "../../cgroup/hierarchy.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError, type TsmanError } from "../../errors/index.ts";
import type { LinuxResources, Rlimit } from "../../oci/runtime-spec.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** File of the run directory: the path of the group and, in a second line, its unit. */
const groupFileName = "cgroup";

/** What came of the wish for a control group. */
export interface LaunchGroup {
  /** Its directory; missing: the container has none. */
  readonly path: string | undefined;
  /** What rlimits are to do instead; empty: nothing. */
  readonly rlimits: readonly Rlimit[];
  readonly warnings: readonly string[];
}

const noGroup: LaunchGroup = { path: undefined, rlimits: [], warnings: [] };

/**
 * Makes the control group of a container that is about to be started, with its limits.
 *
 * @param pid of the process that is to be its monitor, or an ancestor of that one.
 * @throws TsmanError PREFLIGHT_CGROUP and USAGE when something was asked for that cannot be.
 */
export async function prepareGroup(
  context: EngineContext,
  planned: ContainerPlan,
  pid: number,
  signal: AbortSignal | undefined,
): Promise<LaunchGroup> {
  const { id, name, options, bundle } = planned;
  const isAsked = asksForGroup(options);
  const isPossible = existsSync("/sys/fs/cgroup/cgroup.controllers");
  if (options.cgroup?.mode === "disabled" || !(isAsked || isPossible)) return noGroup;
  const resources = bundle.config.linux.resources ?? {};
  try {
    const { compileLimits } = await import("../../cgroup/compile-limits.ts");
    const { makeContainerGroup } = await import("../../cgroup/container-group.ts");
    const settings = compileLimits(resources).map((setting) =>
      setting.file === "pids.max" && options.limits?.pidsLimit === undefined
        ? { ...setting, isImplied: true }
        : setting,
    );
    const group = await makeContainerGroup({
      id,
      name,
      settings,
      parent: options.cgroup?.parent,
      isSplit: options.cgroup?.mode === "split",
      pid,
      signal,
    });
    rememberGroup(context.store.containers.runDir(id), group);
    return { ...noGroup, path: group.path };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isAsked) return noGroup;
    if (!isTsmanError(error)) throw error;
    if (!(options.cgroup?.isBestEffort && error.code === "PREFLIGHT_CGROUP")) {
      throw error.within(`start container ${name}`);
    }
    return insteadOfGroup(name, resources, error);
  }
}

/** Whether the user has asked for what only a control group can give. */
function asksForGroup({ limits, cgroup }: ContainerOptions): boolean {
  return (
    limits !== undefined ||
    cgroup?.parent !== undefined ||
    cgroup?.mode === "enabled" ||
    cgroup?.mode === "split"
  );
}

/** What limits of each process can do (getrlimit(2)), and what remains to be said. */
function insteadOfGroup(name: string, resources: LinuxResources, error: TsmanError): LaunchGroup {
  const { memory, pids, ...rest } = resources;
  const rlimits: Rlimit[] = [];
  const done: string[] = [];
  const limit = (type: Rlimit["type"], value: number | undefined, what: string): void => {
    if (value === undefined || value <= 0) return;
    rlimits.push({ type, soft: value, hard: value });
    done.push(what);
  };
  // Not of the address space, of which some programs reserve terabytes.
  limit("RLIMIT_DATA", memory?.limit, `each process gets ${memory?.limit} bytes of data`);
  limit("RLIMIT_NPROC", pids?.limit, `each user ${pids?.limit} processes`);
  const left = [
    ...(memory?.swap !== undefined || memory?.reservation !== undefined ? ["swap"] : []),
    ...Object.keys(rest),
  ];
  return {
    path: undefined,
    rlimits,
    warnings: [
      `limits of container ${name} are not those of a control group (${error.message}): ${
        done.length === 0 ? "there are none" : done.join(", ")
      }${left.length === 0 ? "" : `; without effect: ${left.join(", ")}`}`,
    ],
  };
}

/** A bundle with other limits of its process. */
export function withRlimits(bundle: Bundle, rlimits: readonly Rlimit[]): Bundle {
  const { process } = bundle.config;
  const types = new Set(rlimits.map(({ type }) => type));
  const kept = process.rlimits.filter(({ type }) => !types.has(type));
  return {
    ...bundle,
    config: { ...bundle.config, process: { ...process, rlimits: [...kept, ...rlimits] } },
  };
}

/** Writes down which group was made for a container. */
export function rememberGroup(runDir: string, { path: group, unit = "" }: ContainerGroup): void {
  writeFileSync(path.join(runDir, groupFileName), `${group}\n${unit}\n`, { mode: 0o600 });
}

/** The control group that was made for a container, if one was; it may be gone. */
export function findGroup(runDir: string): ContainerGroup | undefined {
  const file = path.join(runDir, groupFileName);
  // An exception costs ten times as much.
  if (!existsSync(file)) return undefined;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  const [group = "", unit = ""] = text.split("\n");
  return group === "" ? undefined : { path: group, unit: unit === "" ? undefined : unit };
}

/** Removes what a monitor that was killed has left: nobody is in it any more, or will be soon. */
export function forgetGroup(runDir: string): void {
  const group = findGroup(runDir);
  if (group !== undefined && removeGroup(group.path)) {
    rmSync(path.join(runDir, groupFileName), { force: true });
  }
}

/** {@link findGroup}, of a container that runs: it is there. */
export function groupInForce(context: EngineContext, id: string): ContainerGroup | undefined {
  const group = findGroup(context.store.containers.runDir(id));
  const isThere = group !== undefined && readGroupText(`${group.path}/cgroup.events`) !== undefined;
  return isThere ? group : undefined;
}
