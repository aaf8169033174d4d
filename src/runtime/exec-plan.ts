import type { Capabilities, RuntimeSpec } from "../oci/runtime-spec.ts";
import type { MonitorEvent, PlanAdditions } from "./launch-context.ts";
import { type LaunchPlan, type PlanRecord, settingRecord, stepRecord } from "./launch-plan.ts";
import {
  capabilityStep,
  personalitySteps,
  processLimitSteps,
  profileSteps,
} from "./process-plan.ts";
import { protocolVersion } from "./protocol.ts";
import { listenerSettings, seccompSteps } from "./seccomp-plan.ts";

/** The program of an exec session, as it differs from the container's own. */
export interface ExecProcess {
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** As of `-u`, resolved inside by init, with the additional groups. */
  readonly user: {
    readonly spec: string;
    readonly groups: readonly string[];
    readonly keepGroups: boolean;
    /** Ids, as they are. */
    readonly isExact?: boolean | undefined;
  };
  readonly capabilities: Capabilities;
  /** What asked for the user, the directory, the capabilities and the program. */
  readonly because: {
    readonly user: string;
    readonly cwd: string;
    readonly capabilities: string;
    /** Missing: the command line. */
    readonly args?: string;
  };
}

/** What {@link compileExecPlan} takes. */
export interface ExecPlanRequest {
  /** Of the container. */
  readonly id: string;
  /** The container's init; missing: whoever launches the plan adds JOIN_PROCESS. */
  readonly target?: { readonly pid: number; readonly startTime: bigint } | undefined;
  /** Directory of the container's control group; missing: it has none. */
  readonly cgroup?: string | undefined;
  /** Existing directory of mode 0700 of the session; the monitor removes it.  Missing: none. */
  readonly runDir?: string | undefined;
  /** The container's own directory; whoever answers for its filter is told of it. */
  readonly bundleDir: string;
  /** The container's own configuration. */
  readonly config: RuntimeSpec;
  readonly process: ExecProcess;
  /** `-t`, with the size to begin with. */
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  readonly detachKeys?: Uint8Array | undefined;
  /** Output goes to descriptors 1 and 2 and the monitor ends with the session. */
  readonly foreground: boolean;
  readonly forwardStdin: boolean;
  /** How many descriptors behind the control socket the program gets. */
  readonly preserve: number;
  readonly hasOwnKeyring: boolean;
  /** The compiled filter; needed when the container has one. */
  readonly seccompFilter: Uint8Array | undefined;
  readonly events: readonly MonitorEvent[];
  /** The program goes with the process that starts it: EPHEMERAL in native/protocol.h. */
  readonly ephemeral?: boolean | undefined;
  /** The native session takes over: SESSION in native/protocol.h; `hold` until its terminal is raw. */
  readonly session?: { readonly words: string; readonly hold: boolean } | undefined;
  /** After READY wait for START. */
  readonly hold?: boolean | undefined;
  /** Of a container whose configuration is somebody else's. */
  readonly additions?: Pick<PlanAdditions, "settings" | "process"> | undefined;
}

/**
 * The plan of an exec session: everything is joined, nothing is made, and the process gets what the
 * container's own got.  Pure.
 *
 * @throws TsmanError INTERNAL when the container has a filter and it was not given: there is no
 * session without it.
 */
export function compileExecPlan(request: ExecPlanRequest): LaunchPlan {
  return { records: [...settings(request), ...steps(request)] };
}

function settings(request: ExecPlanRequest): PlanRecord[] {
  const { target, terminal, detachKeys, config } = request;
  const because = "exec";
  const records = [
    settingRecord("VERSION", [String(protocolVersion)], "protocol"),
    settingRecord("ID", [request.id], because),
    ...(request.runDir === undefined ? [] : [settingRecord("RUN_DIR", [request.runDir], because)]),
    ...(request.hold ? [settingRecord("HOLD", [], because)] : []),
    ...(request.additions?.settings ?? []),
  ];
  if (request.session !== undefined) {
    records.push(settingRecord("SESSION", [request.session.words, ""], because));
    if (request.session.hold) records.push(settingRecord("HOLD", [], because));
  }
  if (request.cgroup !== undefined)
    records.push(settingRecord("CGROUP", [request.cgroup], because));
  if (request.ephemeral) records.push(settingRecord("EPHEMERAL", [""], "library"));
  if (target !== undefined) {
    const { pid, startTime } = target;
    records.push(settingRecord("JOIN_PROCESS", [String(pid), String(startTime)], because));
  }
  // Not applied again: the owner of root's pipes is read from them.
  for (const [name, mappings] of [
    ["UID_MAP", config.linux.uidMappings],
    ["GID_MAP", config.linux.gidMappings],
  ] as const) {
    for (const { containerID, hostID, size } of mappings) {
      records.push(settingRecord(name, [containerID, hostID, size].map(String), because));
    }
  }
  if (terminal !== undefined) {
    const { rows, columns } = terminal;
    records.push(settingRecord("TTY", [String(rows), String(columns)], "-t"));
    if (detachKeys !== undefined && detachKeys.byteLength > 0) {
      records.push(settingRecord("DETACH_KEYS", [detachKeys], "--detach-keys"));
    }
  }
  if (request.forwardStdin) records.push(settingRecord("STDIN", [], "-i"));
  if (request.foreground) records.push(settingRecord("FOREGROUND", [], because));
  records.push(
    ...listenerSettings(
      config.linux.seccomp,
      {
        id: request.id,
        status: "running",
        bundle: request.bundleDir,
        annotations: config.annotations,
      },
      "exec: as the container",
    ),
  );
  if (request.preserve > 0) {
    records.push(settingRecord("PRESERVE", [String(request.preserve)], "--preserve-fds"));
  }
  for (const { status, path, line } of request.events) {
    records.push(settingRecord("EVENT", [status, path, line], because));
  }
  return records;
}

function steps(request: ExecPlanRequest): PlanRecord[] {
  const { config, process } = request;
  const { spec, groups, keepGroups, isExact } = process.user;
  const userFlags = [keepGroups && "keepgroups", isExact && "exact"].filter(Boolean).join(",");
  const own = config.process;
  return [
    ...processLimitSteps(own, () => "exec: as the container"),
    stepRecord("UMASK", [`0${own.user.umask.toString(8)}`], "exec: as the container"),
    ...(request.hasOwnKeyring ? [stepRecord("KEYRING", [], "default")] : []),
    ...personalitySteps(config.linux.personality, "exec: as the container"),
    // Without "entry": a look into a container does not change its files.
    ...(request.additions?.process ?? []),
    ...profileSteps(own.apparmorProfile, "exec: as the container"),
    stepRecord("USER", [spec, groups.join(","), userFlags, "", ""], process.because.user),
    stepRecord("CHDIR", [process.cwd, "0"], process.because.cwd),
    capabilityStep(process.capabilities, process.because.capabilities),
    ...(own.noNewPrivileges ? [stepRecord("NO_NEW_PRIVS", [], "exec: as the container")] : []),
    ...seccompSteps(config.linux.seccomp, request.seccompFilter, "exec: as the container"),
    stepRecord("ENV", process.env, "the container's environment and --env"),
    stepRecord("EXEC", process.args, process.because.args ?? "command line"),
  ];
}
