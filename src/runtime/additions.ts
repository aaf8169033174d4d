import type {
  DeviceRule,
  HookConfig,
  ProcessConfig,
  RuntimeConfig,
} from "../oci/runtime-config.ts";
import { refused } from "../oci/runtime-config.ts";
import { compileDeviceFilter } from "./device-filter.ts";
import type { PlanAdditions } from "./launch-context.ts";
import { type PlanRecord, settingRecord, stepRecord } from "./launch-plan.ts";
import { personalitySteps } from "./process-plan.ts";

// What only somebody else's config.json asks for: tsman's own containers have none of it.

/** What {@link compileAdditions} takes besides the configuration. */
export interface AdditionsRequest {
  /** JSON of the container's state at that time; `{pid}` stands for the pid as init sees it. */
  readonly stateJson: (status: "creating" | "created") => string;
  /** How the caller goes on. */
  readonly departure: Departure;
  /** Of devices; none: nothing is denied. */
  readonly deviceRules: readonly DeviceRule[];
}

/** Who waits for the program, and where its terminal goes. */
export interface Departure {
  /** Init waits at its socket and the monitor ends (`create`), or that ends when the program runs. */
  readonly leaves: "start-pipes" | "leave" | undefined;
  readonly consoleSocket: string | undefined;
  /** Descriptors behind the control socket. */
  readonly preserve: number;
  readonly hasOwnKeyring: boolean;
}

const because = "config.json";

/**
 * The parts of a configuration that {@link compilePlan} does not know.  Pure.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of what is not known
 */
export function compileAdditions(config: RuntimeConfig, request: AdditionsRequest): PlanAdditions {
  const { hooks, linux, domainname } = config;
  const asksCaller = [...(hooks?.prestart ?? []), ...(hooks?.createRuntime ?? [])].length > 0;
  const hookSteps = (kind: "container" | "start", list: readonly HookConfig[] | undefined) => {
    const name = kind === "container" ? "createContainer" : "startContainer";
    const state = request.stateJson(kind === "container" ? "creating" : "created");
    return (list ?? []).map((hook, index) =>
      hookStep(kind, hook, state, `/hooks/${name}/${index}`),
    );
  };
  return {
    settings: [
      ...departureSettings(request.departure),
      ...timeOffsets(config),
      ...deviceSettings(request.deviceRules),
      settingRecord("STRICT", [], because),
    ],
    beforePivot: [
      ...((domainname ?? "") === ""
        ? []
        : [stepRecord("DOMAINNAME", [domainname ?? ""], "/domainname")]),
      ...(asksCaller ? [stepRecord("CALLER", [], "/hooks")] : []),
      ...hookSteps("container", hooks?.createContainer),
    ],
    afterPivot:
      (linux.rootfsPropagation ?? "") === ""
        ? []
        : [
            stepRecord(
              "ROOT_PROPAGATION",
              [linux.rootfsPropagation ?? ""],
              "/linux/rootfsPropagation",
            ),
          ],
    process: [
      ...personality(config.linux.personality),
      ...processAdditions(config.process, "/process"),
      ...(request.departure.hasOwnKeyring ? [stepRecord("KEYRING", [], "default")] : []),
      ...hookSteps("start", hooks?.startContainer),
    ],
  };
}

/** Settings of a start or an exec session whose caller is an OCI runtime's. */
export function departureSettings(departure: Departure): PlanRecord[] {
  const { leaves, consoleSocket, preserve } = departure;
  return [
    ...(leaves === "start-pipes" ? [settingRecord("START_PIPES", [], because)] : []),
    ...(leaves === "leave" ? [settingRecord("LEAVE", [], because)] : []),
    ...(consoleSocket === undefined
      ? []
      : [settingRecord("CONSOLE_SOCKET", [consoleSocket], "--console-socket")]),
    ...(preserve === 0 ? [] : [settingRecord("PRESERVE", [String(preserve)], "--preserve-fds")]),
  ];
}

/**
 * Scheduling and labels of a process.
 *
 * @param pointer where the process stands in its document.
 * @throws TsmanError CONFIG_INVALID
 */
export function processAdditions(process: ProcessConfig, pointer: string): PlanRecord[] {
  const { scheduler, ioPriority, apparmorProfile, selinuxLabel } = process;
  const records: PlanRecord[] = [];
  if (scheduler !== undefined) {
    const policy = numberOf(schedulerPolicies, scheduler.policy, `${pointer}/scheduler/policy`);
    const flags = (scheduler.flags ?? []).reduce(
      (sum, flag, index) =>
        sum + numberOf(schedulerFlags, flag, `${pointer}/scheduler/flags/${index}`),
      0,
    );
    const { nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    const numbers = [policy, flags, nice, priority, runtime, deadline, period];
    records.push(stepRecord("SCHEDULER", numbers.map(String), `${pointer}/scheduler`));
  }
  if (ioPriority !== undefined) {
    const name = numberOf(ioClasses, ioPriority.class, `${pointer}/ioPriority/class`);
    const numbers = [name, ioPriority.priority ?? 0].map(String);
    records.push(stepRecord("IO_PRIORITY", numbers, `${pointer}/ioPriority`));
  }
  for (const [kind, label, member] of [
    ["apparmor", apparmorProfile, "apparmorProfile"],
    ["selinux", selinuxLabel, "selinuxLabel"],
  ] as const) {
    if ((label ?? "") === "") continue;
    records.push(stepRecord("LABEL", [kind, label ?? ""], `${pointer}/${member}`));
  }
  return records;
}

const schedulerPolicies: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const schedulerFlags: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 1,
  SCHED_FLAG_RECLAIM: 2,
  SCHED_FLAG_DL_OVERRUN: 4,
  SCHED_FLAG_KEEP_POLICY: 8,
  SCHED_FLAG_KEEP_PARAMS: 16,
  SCHED_FLAG_UTIL_CLAMP_MIN: 32,
  SCHED_FLAG_UTIL_CLAMP_MAX: 64,
};
const ioClasses: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};

function numberOf(table: Readonly<Record<string, number>>, name: string, pointer: string): number {
  const number = Object.hasOwn(table, name) ? table[name] : undefined;
  if (number === undefined) throw refused(pointer, `${JSON.stringify(name)} is not known`);
  return number;
}

function personality(asked: RuntimeConfig["linux"]["personality"]): PlanRecord[] {
  const pointer = "/linux/personality";
  // config-linux.md: "no flag values are supported".
  if ((asked?.flags ?? []).length > 0) throw refused(`${pointer}/flags/0`, "there are no flags");
  return personalitySteps(asked, pointer);
}

function timeOffsets({ linux }: RuntimeConfig): PlanRecord[] {
  return (["monotonic", "boottime"] as const).flatMap((clock) => {
    const offset = linux.timeOffsets?.[clock];
    if (offset === undefined) return [];
    const numbers = [offset.secs ?? 0, offset.nanosecs ?? 0].map(String);
    return [settingRecord("TIME_OFFSET", [clock, ...numbers], `/linux/timeOffsets/${clock}`)];
  });
}

function deviceSettings(rules: readonly DeviceRule[]): PlanRecord[] {
  if (rules.length === 0) return [];
  const pointer = "/linux/resources/devices";
  return [settingRecord("DEVICE_FILTER", [compileDeviceFilter(rules)], pointer)];
}

function hookStep(
  kind: "container" | "start",
  { path, args = [], env = [], timeout = 0 }: HookConfig,
  state: string,
  pointer: string,
): PlanRecord {
  const milliseconds = String(timeout * 1000);
  const words = [kind, path, milliseconds, state, String(args.length), ...args, ...env];
  return stepRecord("HOOK", words, pointer);
}
