import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Bundle } from "../../bundle/bundle.ts";
import type { ContainerGroup } from "../../cgroup/container-group.ts";
import { removeGroup } from "../../cgroup/group.ts";
import { type GroupSetting, isLimit } from "../../cgroup/group-setting.ts";
import { isGroup, readGroupText } from "../../cgroup/hierarchy.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError } from "../../errors/index.ts";
import type { Rlimit } from "../../oci/runtime-spec.ts";
import type { EngineContext } from "../context.ts";
import type { CreateIo } from "../types.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** File of the run directory: the path of the group and, in a second line, its unit. */
const groupFileName = "cgroup";

/** Milliseconds for a group that would only be good to have. */
const patience = 10_000;

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
  io: CreateIo,
): Promise<LaunchGroup> {
  const { id, name, options, bundle } = planned;
  const isAsked = asksForGroup(options);
  const isPossible = existsSync("/sys/fs/cgroup/cgroup.controllers");
  if (options.cgroup?.mode === "disabled" || !(isAsked || isPossible)) return noGroup;
  const { signal } = io;
  let settings: readonly GroupSetting[] = [];
  // What nobody has asked for keeps nobody waiting for long.
  const limit = isAsked ? [] : [AbortSignal.timeout(patience)];
  const either = AbortSignal.any([...(signal === undefined ? [] : [signal]), ...limit]);
  try {
    const { compileLimits } = await import("../../cgroup/compile-limits.ts");
    const { makeContainerGroup } = await import("../../cgroup/container-group.ts");
    settings = compileLimits(bundle.config.linux.resources ?? {}).map((setting) =>
      !isLimit(setting) || (setting.file === "pids.max" && options.limits?.pidsLimit === undefined)
        ? { ...setting, isImplied: true }
        : setting,
    );
    const { left, ...group } = await makeContainerGroup({
      id,
      name,
      settings,
      parent: options.cgroup?.parent,
      staysHere: staysHere(options.cgroup?.mode),
      isBestEffort: options.cgroup?.isBestEffort,
      pid,
      signal: either,
    });
    rememberGroup(context.store.containers.runDir(id), group);
    const path = group.path;
    return left.length === 0
      ? { ...noGroup, path }
      : { path, ...otherwiseLimited(name, left, "the controllers are not delegated to you") };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isAsked) return noGroup;
    if (!isTsmanError(error)) throw error;
    if (!(options.cgroup?.isBestEffort && error.code === "PREFLIGHT_CGROUP")) {
      throw error.within(`start container ${name}`);
    }
    const asked = settings.filter(({ isImplied }) => isImplied !== true);
    return { path: undefined, ...otherwiseLimited(name, asked, error.message) };
  }
}

/** Whether the user has asked for what only a control group can give. */
function asksForGroup({ limits, cgroup }: ContainerOptions): boolean {
  const { pidsLimit = 1, ...others } = limits ?? {};
  // `--pids-limit -1` asks for none.
  const isLimited =
    limits !== undefined &&
    (pidsLimit > 0 || Object.values(others).some((value) => value !== undefined));
  return (
    isLimited ||
    cgroup?.parent !== undefined ||
    cgroup?.mode === "enabled" ||
    staysHere(cgroup?.mode) !== undefined
  );
}

/** The modes in which systemd, which would move the monitor away, is not asked. */
function staysHere(mode: NonNullable<ContainerOptions["cgroup"]>["mode"]) {
  return mode === "split" || mode === "no-conmon" ? mode : undefined;
}

/** What limits of each process can do instead (getrlimit(2)), and what remains to be said. */
function otherwiseLimited(
  name: string,
  settings: readonly GroupSetting[],
  why: string,
): Omit<LaunchGroup, "path"> {
  const rlimits: Rlimit[] = [];
  const said: string[] = [];
  for (const { file, value } of settings) {
    const instead = value === "max" ? undefined : substitutes[file];
    if (instead === undefined) {
      said.push(`${file} has no effect`);
      continue;
    }
    const bound = Number(value);
    rlimits.push({ type: instead.type, soft: bound, hard: bound });
    said.push(`instead of ${file} each ${instead.whose} gets at most ${value} ${instead.what}`);
  }
  if (said.length === 0) said.push("no control group");
  return { rlimits, warnings: [`limit container ${name}: ${said.join(", ")} (${why})`] };
}

const substitutes: Readonly<
  Record<string, { readonly type: Rlimit["type"]; readonly whose: string; readonly what: string }>
> = {
  // Not of the address space, of which some programs reserve terabytes.
  "memory.max": { type: "RLIMIT_DATA", whose: "process", what: "bytes of data" },
  "pids.max": { type: "RLIMIT_NPROC", whose: "user in it", what: "processes" },
};

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

/**
 * The control group that was made for a container, if one was; it may be gone.  What is in it is
 * killed, so no other directory is taken for one (case S94).
 */
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
  if (path.resolve(group) !== group || !(isGroup(group) || !existsSync(group))) return undefined;
  return { path: group, unit: unit === "" ? undefined : unit };
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
