import { existsSync } from "node:fs";
import path from "node:path";
import type { JoinTarget } from "../../bundle/bundle.ts";
import { askedJoins, type JoinOption } from "../../bundle/joins.ts";
import { findLiveProcess } from "../../container/liveness.ts";
import { assertContainerName } from "../../container/names.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { readNamespace } from "../../container/process/proc-file.ts";
import { TsmanError } from "../../errors/index.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import type { EngineContext } from "../context.ts";
import { containerState, isUp } from "./find-container.ts";

/** Names of the namespaces in /proc/PID/ns, by the option that joins them. */
const namespaceTypes = {
  pid: "pid",
  ipc: "ipc",
  uts: "uts",
  network: "net",
  cgroupns: "cgroup",
} as const satisfies Record<JoinOption, string>;

/** The container of `container:NAME` modes, and what joining it comes to. */
export interface FoundTarget {
  readonly join: JoinTarget;
  /** Of the user namespace that is joined; missing: none is, all that is asked for is the host's. */
  readonly mapping: IdMapping | undefined;
  /** `host` where the container itself has the host's namespace, which nobody may join: setns(2). */
  readonly modes: Partial<Pick<ContainerOptions, "pid" | "ipc" | "uts" | "network" | "cgroup">>;
}

/**
 * The one container that `container:NAME` modes name, as they name it; undefined: there is no such mode.
 *
 * @throws TsmanError USAGE when several are named
 */
export function joinedContainer(options: ContainerOptions): string | undefined {
  const names = new Set(askedJoins(options).map(({ container }) => container));
  const [name, ...others] = names;
  if (others.length === 0) return name;
  throw new TsmanError(
    "USAGE",
    `join the namespaces of ${[...names].join(" and ")}: they have different user namespaces`,
    { hint: "join one container only" },
  );
}

/**
 * For `container:NAME` modes: the running container whose namespaces are joined, and with them its
 * user namespace, which owns them (setns(2) asks for capabilities there).
 *
 * @param mustRun false where nothing is started yet.
 * @throws TsmanError USAGE when there is no such container or several are named;
 * CONTAINER_NOT_RUNNING.
 */
export function findJoinTarget(
  context: EngineContext,
  options: ContainerOptions,
  mustRun: boolean,
): FoundTarget | undefined {
  const asked = askedJoins(options).map(({ option }) => option);
  const name = joinedContainer(options);
  if (name === undefined) return undefined;
  const record = context.store.containers.find(name);
  if (record === undefined) {
    assertContainerName(name);
    // Not CONTAINER_NOT_FOUND: its exit status 1 would pass for the program's own.
    throw new TsmanError("USAGE", `join the namespaces of container ${name}: no such container`, {
      hint: "choose one from: tsman ps",
    });
  }
  const runDir = context.store.containers.runDir(record.id);
  const init = isUp(containerState(context, record)) ? findLiveProcess(runDir, "init") : undefined;
  if (mustRun && init === undefined) {
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `join the namespaces of container ${record.name}: it does not run`,
      { hint: `start it first (tsman start ${record.name}), or choose another one from: tsman ps` },
    );
  }
  const dir = context.store.containers.dir(record.id);
  const ofHost =
    init === undefined ? [] : asked.filter((option) => isHosts(init.pid, namespaceTypes[option]));
  return {
    mapping: ofHost.length === asked.length ? undefined : record.mapping,
    modes: Object.fromEntries(
      ofHost.map((option) =>
        option === "cgroupns"
          ? ["cgroup", { ...options.cgroup, namespace: undefined, isHostNamespace: true }]
          : [option, { mode: "host" }],
      ),
    ),
    join: {
      container: name,
      // A container that is only created learns it when it starts.
      pid: init?.pid ?? 0,
      startTime: init?.startTime ?? 0n,
      hostname: record.options.hostname ?? record.id.slice(0, 12),
      hostsPath: existing(path.join(dir, "hosts")),
      resolvConfPath: existing(path.join(dir, "resolv.conf")),
    },
  };
}

/** What may not be looked at counts as its own: whoever joins it says what is wrong. */
function isHosts(pid: number, type: (typeof namespaceTypes)[JoinOption]): boolean {
  const namespace = readNamespace(pid, type);
  return namespace !== undefined && namespace === readNamespace("self", type);
}

/** Without a network, or with `--no-hosts`, a container has no such file. */
function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}
