import path from "node:path";
import type { Bundle } from "../bundle/bundle.ts";
import type { HealthLaunch, LaunchContext, LogTarget } from "./launch-context.ts";
import { type LaunchPlan, type PlanRecord, settingRecord, stepRecord } from "./launch-plan.ts";
import { compileChown, compileMount, compilePlaces, type Placed } from "./mount-plan.ts";
import { originOf } from "./origin.ts";
import {
  capabilityStep,
  personalitySteps,
  processLimitSteps,
  profileSteps,
} from "./process-plan.ts";
import { protocolVersion, step } from "./protocol.ts";
import { compileRoot } from "./root-plan.ts";
import { listenerSettings, seccompSteps } from "./seccomp-plan.ts";
import { SlotTable } from "./slots.ts";

const fallbackTerminal = { rows: 24, columns: 80 };

/**
 * Compiles a bundle into the plan that the native program executes.  Pure.
 *
 * The order of the steps is the one of native/protocol.h: the host's view, the new root, the
 * process; within the root first the mounts, then what is written through them, then what closes
 * them.
 */
export function compilePlan(bundle: Bundle, context: LaunchContext): LaunchPlan {
  const slots = new SlotTable();
  const root = compileRoot(context.rootfs, slots, origin(bundle, "/root"));
  // A mount namespace that is joined has its root, and nothing is mounted there.
  const isJoined = bundle.config.linux.namespaces.some(
    ({ type, path }) => type === "mount" && path,
  );
  const steps = [
    ...(isJoined
      ? nameSteps(bundle)
      : [...hostSteps(bundle, root.step), ...rootSteps(bundle, context, slots)]),
    ...processSteps(bundle, context, slots, isJoined),
  ];
  return {
    records: [
      ...identitySettings(bundle, context),
      ...namespaceSettings(bundle),
      ...(isJoined ? [] : slots.records),
      ...root.settings,
      ...streamSettings(bundle, context),
      ...lifeSettings(bundle, context),
      ...(context.additions?.settings ?? []),
      ...listenerSettings(
        bundle.config.linux.seccomp,
        {
          id: context.id,
          status: "creating",
          bundle: context.bundleDir ?? path.dirname(context.exitFile ?? ""),
          annotations: bundle.config.annotations,
        },
        origin(bundle, "/linux/seccomp"),
      ),
      ...steps,
    ],
  };
}

function origin(bundle: Bundle, pointer: string): string {
  return originOf(bundle.origins, pointer);
}

function preserved(count: number): PlanRecord[] {
  return count === 0 ? [] : [settingRecord("PRESERVE", [String(count)], "--preserve-fds")];
}

function identitySettings(bundle: Bundle, context: LaunchContext): PlanRecord[] {
  return [
    settingRecord("VERSION", [String(protocolVersion)], "protocol"),
    settingRecord("ID", [context.id], "default"),
    settingRecord("RUN_DIR", [context.runDir], "default"),
    ...(context.exitFile === undefined
      ? []
      : [settingRecord("EXIT_FILE", [context.exitFile], "default")]),
    ...(context.pidFile === undefined
      ? []
      : [settingRecord("PID_FILE", [context.pidFile], "--pidfile")]),
    ...preserved(context.preserve ?? 0),
    ...(context.cgroup === undefined
      ? []
      : [settingRecord("CGROUP", [context.cgroup], "--cgroups and limits")]),
    ...(bundle.useInit ? [settingRecord("DUMB_INIT", [], "--init")] : []),
  ];
}

function namespaceSettings(bundle: Bundle): PlanRecord[] {
  const { namespaces } = bundle.config.linux;
  const records: PlanRecord[] = [];
  const added = namespaces.filter((namespace) => namespace.path === undefined);
  records.push(
    settingRecord(
      "UNSHARE",
      added.map((namespace) => namespace.type),
      "default",
    ),
  );
  namespaces.forEach((namespace, index) => {
    if (namespace.path === undefined) return;
    const because = origin(bundle, `/linux/namespaces/${index}`);
    records.push(settingRecord("JOIN", [namespace.type, namespace.path], because));
  });
  if (bundle.joinOwner !== undefined) {
    const { pid, startTime } = bundle.joinOwner;
    records.push(settingRecord("JOIN_OWNER", [String(pid), String(startTime)], "container:NAME"));
  }
  // A user namespace that is joined has its maps already.
  if (!added.some((namespace) => namespace.type === "user")) return records;
  const { mapping } = bundle;
  const because = mapping.because;
  for (const [name, list] of [
    ["UID_MAP", mapping.uid],
    ["GID_MAP", mapping.gid],
  ] as const) {
    const from = origin(bundle, name === "UID_MAP" ? "/linux/uidMappings" : "/linux/gidMappings");
    for (const { inside, outside, count } of list) {
      records.push(settingRecord(name, [String(inside), String(outside), String(count)], from));
    }
  }
  if (mapping.tools !== undefined) {
    const { newuidmap, newgidmap } = mapping.tools;
    records.push(settingRecord("MAP_TOOLS", [newuidmap, newgidmap], because));
  }
  if (mapping.denySetgroups) records.push(settingRecord("SETGROUPS_DENY", [], because));
  return records;
}

function streamSettings(bundle: Bundle, context: LaunchContext): PlanRecord[] {
  const records: PlanRecord[] = [];
  if (bundle.config.process.terminal) {
    const { rows, columns } = context.terminal ?? fallbackTerminal;
    records.push(settingRecord("TTY", [String(rows), String(columns)], "-t"));
    if (context.detachKeys !== undefined && context.detachKeys.byteLength > 0) {
      records.push(settingRecord("DETACH_KEYS", [context.detachKeys], "--detach-keys"));
    }
  }
  if (context.forwardStdin) records.push(settingRecord("STDIN", [], "-i"));
  if (context.foreground) records.push(settingRecord("FOREGROUND", [], "default"));
  records.push(...logSettings(context.log), ...healthSettings(context.health));
  return records;
}

function healthSettings(health: HealthLaunch | undefined): PlanRecord[] {
  if (health === undefined) return [];
  const { file, policy, plan, startupPlan } = health;
  const { intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries, startup } = policy;
  const because = "--health-cmd or image HEALTHCHECK";
  const numbers = [intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries].map(String);
  const records = [
    settingRecord("HEALTH", [file, ...numbers, policy.onFailure], because),
    settingRecord("HEALTH_PLAN", [plan], because),
  ];
  if (startup !== undefined && startupPlan !== undefined) {
    const { successes } = startup;
    const words = [startup.intervalMs, startup.timeoutMs, startup.retries, successes].map(String);
    records.push(
      settingRecord("HEALTH_STARTUP", words, "--health-startup-cmd"),
      settingRecord("HEALTH_STARTUP_PLAN", [startupPlan], "--health-startup-cmd"),
    );
  }
  return records;
}

function logSettings(log: LogTarget | undefined): PlanRecord[] {
  const because = "--log-driver";
  if (log === undefined) return [];
  if (log.kind === "passthrough") return [settingRecord("PASSTHROUGH", [], because)];
  if (log.kind === "journal") {
    return [settingRecord("LOG_JOURNAL", [log.socket, ...log.fields], because)];
  }
  const { path, maxBytes, maxFiles, format, tag } = log;
  const file = settingRecord("LOG", [path, String(maxBytes), String(maxFiles)], because);
  if (format === "k8s-file") return [file];
  return [file, settingRecord("LOG_FORMAT", [format, tag], because)];
}

function lifeSettings(bundle: Bundle, context: LaunchContext): PlanRecord[] {
  const records: PlanRecord[] = [];
  if (context.networkHelper !== undefined) {
    records.push(settingRecord("NETWORK", context.networkHelper, networkOrigin(bundle)));
  }
  if (context.hold) records.push(settingRecord("HOLD", [], "default"));
  if (context.stay !== undefined) records.push(settingRecord("STAY", [context.stay], "init"));
  if (context.timeoutMs !== undefined) {
    records.push(settingRecord("TIMEOUT", [String(context.timeoutMs)], "--timeout"));
  }
  records.push(
    settingRecord(
      "STOP",
      [String(context.stopSignal), String(context.stopTimeoutMs)],
      "--stop-signal, image STOPSIGNAL or default",
    ),
  );
  if (context.removeTree !== undefined) {
    records.push(settingRecord("REMOVE_TREE", [context.removeTree], "--rm"));
  }
  if (context.cleanup !== undefined) {
    const because = context.restartDelay === undefined ? "--rm" : "--restart";
    records.push(settingRecord("CLEANUP", context.cleanup, because));
  }
  if (context.restartDelay !== undefined) {
    const { afterShortLife, longLife, afterLongLife } = context.restartDelay;
    const delay = [afterShortLife, longLife, afterLongLife].map(String);
    records.push(settingRecord("CLEANUP_DELAY", delay, "--restart"));
  }
  if (context.session !== undefined) {
    const { words, removedMark } = context.session;
    records.push(settingRecord("SESSION", [words, removedMark], "default"));
    const { prepared } = context.session;
    if (prepared !== undefined) {
      const operands = [String(prepared.descriptor), String(prepared.pid)];
      records.push(settingRecord("PREPARED", operands, "default"));
    }
  }
  if (context.ephemeral !== undefined) {
    records.push(settingRecord("EPHEMERAL", [context.ephemeral.removedMark], "library"));
  }
  for (const { status, path, line } of context.events ?? []) {
    records.push(settingRecord("EVENT", [status, path, line], "default"));
  }
  return records;
}

function networkOrigin(bundle: Bundle): string {
  const index = bundle.config.linux.namespaces.findIndex((one) => one.type === "network");
  return origin(bundle, `/linux/namespaces/${index}`);
}

/** Phase 1: the host's view. */
function hostSteps(bundle: Bundle, root: PlanRecord): PlanRecord[] {
  const because = origin(bundle, "/linux/rootfsPropagation");
  return [
    stepRecord("PROPAGATION", [bundle.config.linux.rootfsPropagation], because),
    root,
    stepRecord("ENTER_ROOT", [], origin(bundle, "/root")),
  ];
}

function nameSteps(bundle: Bundle): PlanRecord[] {
  const { hostname } = bundle.config;
  if (hostname === undefined) return [];
  return [stepRecord("HOSTNAME", [hostname], origin(bundle, "/hostname"))];
}

/** What is mounted and made in the root, in this order. */
function placesOf(bundle: Bundle, slots: SlotTable): Placed[] {
  const { config, baseMounts, symlinks, nodes = [] } = bundle;
  const mounts = config.mounts.map((mount, index): Placed => {
    const because = origin(bundle, `/mounts/${index}`);
    const steps = (isOpen: boolean) => compileMount(mount, slots, because, isOpen);
    return { path: mount.destination, because, mount, steps };
  });
  const made = (path: string, record: PlanRecord): Placed => {
    return { path, because: record.because, steps: () => [record] };
  };
  const places = mounts.slice(0, baseMounts);
  for (const { target, path, ifMissing } of symlinks) {
    const words = ifMissing === true ? ["missing"] : [];
    places.push(made(path, stepRecord("SYMLINK", [target, path, ...words], "default")));
  }
  for (const device of bundle.devices) {
    // Somebody else's are those that the specification has in each container.
    const pointer = `/devices/${device.path.replaceAll("/", "~1")}`;
    const because = bundle.origins === undefined ? "default" : origin(bundle, pointer);
    const slot = slots.open(device.hostPath, "any", because);
    places.push(made(device.path, stepRecord("DEVICE", [slot, device.path], because)));
  }
  for (const { path, type, major, minor, mode, uid, gid } of nodes) {
    const numbers = [major, minor, `0${mode.toString(8)}`, uid, gid].map(String);
    const operands = [path, type === "u" ? "c" : type, ...numbers];
    places.push(made(path, stepRecord("MKNOD", operands, "devices")));
  }
  if (config.process.terminal) {
    const because = origin(bundle, "/process/terminal");
    places.push(made("/dev/console", stepRecord("CONSOLE", [], because)));
  }
  return [...places, ...mounts.slice(baseMounts), ...settingsOf(bundle)];
}

function settingsOf(bundle: Bundle): readonly Placed[] {
  return Object.entries(bundle.config.linux.sysctl).map(([key, value]) => {
    const because = origin(bundle, `/linux/sysctl/${key.replaceAll("/", "~1")}`);
    const path = key.includes("/") ? key : key.replaceAll(".", "/");
    const steps = () => [stepRecord("SYSCTL", [path, value], because)];
    return { path: `/proc/sys/${path}`, because, isWritten: true, steps };
  });
}

/** Phase 2: inside the new root. */
function rootSteps(bundle: Bundle, { additions }: LaunchContext, slots: SlotTable): PlanRecord[] {
  const { config } = bundle;
  const { linux } = config;
  const records: PlanRecord[] = [];
  const placed = compilePlaces(placesOf(bundle, slots));
  // Of what the image has, so before anything is mounted on it or above it: /sys, say, would be copied
  // unmasked into an image's VOLUME below it.
  records.push(...placed.filter(({ op }) => op === step.COPY_UP));
  records.push(...placed.filter(({ op }) => op !== step.COPY_UP));
  records.push(...nameSteps(bundle));
  if (linux.namespaces.some((one) => one.type === "network" && one.path === undefined)) {
    records.push(stepRecord("LOOPBACK", [], networkOrigin(bundle)));
  }
  linux.readonlyPaths.forEach((path, index) => {
    records.push(stepRecord("READONLY", [path], origin(bundle, `/linux/readonlyPaths/${index}`)));
  });
  if (linux.maskedPaths.length > 0) {
    const nullSlot = slots.open("/dev/null", "any", "default");
    linux.maskedPaths.forEach((path, index) => {
      const because = origin(bundle, `/linux/maskedPaths/${index}`);
      records.push(stepRecord("MASK", [nullSlot, path], because));
    });
  }
  records.push(...(additions?.beforePivot ?? []));
  records.push(stepRecord("PIVOT", [], "default"));
  records.push(...(additions?.afterPivot ?? []));
  return records;
}

/** Lines in the root's own /etc/passwd and /etc/group, and whom they are for. */
function userSteps(bundle: Bundle): PlanRecord[] {
  const { spec, groups, keepGroups, entryName, isExact, isUnlisted, forms = {} } = bundle.user;
  const flags = [
    ...(isUnlisted ? [] : [isExact ? "exact" : "entry"]),
    ...(entryName === undefined ? [] : [`name=${entryName}`]),
    ...(keepGroups ? ["keepgroups"] : []),
  ];
  const { passwd = "", group = "" } = forms;
  return [
    ...(bundle.hostUsers ?? []).map(({ name, uid, line }) =>
      stepRecord("HOST_USER", [name, String(uid), line], `--hostuser ${name}`),
    ),
    stepRecord(
      "USER",
      [spec, groups.join(","), flags.join(","), passwd, group],
      origin(bundle, "/process/user"),
    ),
  ];
}

function readonlySteps(bundle: Bundle): PlanRecord[] {
  if (!bundle.config.root.readonly) return [];
  return [stepRecord("ROOT_READONLY", [], origin(bundle, "/root/readonly"))];
}

/** A working directory that is made, as long as that can be. */
function workdirSteps(bundle: Bundle): PlanRecord[] {
  const { process, root } = bundle.config;
  if (!bundle.createWorkdir || !root.readonly) return [];
  return [stepRecord("MKDIR", [process.cwd, "0755", "0", "0"], origin(bundle, "/process/cwd"))];
}

/** Phase 3: the process. */
function processSteps(
  bundle: Bundle,
  context: LaunchContext,
  slots: SlotTable,
  isJoined: boolean,
): PlanRecord[] {
  const { process, mounts } = bundle.config;
  // A root that is somebody's directory is not written to when it is to be read-only.
  const isOwnRoot = context.rootfs.driver !== "copy";
  return [
    ...(isJoined || isOwnRoot ? [] : readonlySteps(bundle)),
    // First what needs the host, for native/outside.h: behind it init is forked, perhaps, which a limit of
    // processes would refuse.
    ...userSteps(bundle),
    ...(!isJoined && isOwnRoot ? [...workdirSteps(bundle), ...readonlySteps(bundle)] : []),
    ...mounts.flatMap((mount, index) =>
      compileChown(mount, slots, origin(bundle, `/mounts/${index}`)),
    ),
    ...processLimitSteps(process, (pointer) => origin(bundle, `/process${pointer}`)),
    stepRecord(
      "UMASK",
      [`0${process.user.umask.toString(8)}`],
      origin(bundle, "/process/user/umask"),
    ),
    ...(bundle.hasOwnKeyring ? [stepRecord("KEYRING", [], "default")] : []),
    ...personalitySteps(bundle.config.linux.personality, origin(bundle, "/linux/personality")),
    ...(context.additions?.process ?? []),
    ...profileSteps(process.apparmorProfile, origin(bundle, "/process/apparmorProfile")),
    stepRecord(
      "CHDIR",
      [process.cwd, bundle.createWorkdir ? "1" : "0"],
      origin(bundle, "/process/cwd"),
    ),
    capabilityStep(process.capabilities, origin(bundle, "/process/capabilities")),
    ...(process.noNewPrivileges
      ? [stepRecord("NO_NEW_PRIVS", [], origin(bundle, "/process/noNewPrivileges"))]
      : []),
    ...seccompSteps(
      bundle.config.linux.seccomp,
      context.seccompFilter,
      origin(bundle, "/linux/seccomp"),
    ),
    stepRecord(
      "ENV",
      process.env,
      bundle.origins === undefined ? "/process/env" : "image ENV, --env and defaults",
    ),
    stepRecord("EXEC", process.args, origin(bundle, "/process/args")),
  ];
}
