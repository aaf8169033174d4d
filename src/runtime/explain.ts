import type { Bundle, MapEntry } from "../bundle/bundle.ts";
import { capabilityNames } from "../oci/runtime-spec.ts";
import type { LaunchContext } from "./launch-context.ts";
import { type LaunchPlan, planSteps } from "./launch-plan.ts";
import { originOf } from "./origin.ts";
import { operationName } from "./protocol.ts";

/** Something of a container with what asked for it: an option, an image field or a default. */
export type Explained<Thing> = Thing & { readonly because: string };

/** A published port as {@link explainPlan} takes and gives it; a host port of 0 is chosen at the start. */
export interface ExplainedPort {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** What would be done and why: the document behind `--explain`. */
export interface Explanation {
  readonly container: { readonly id: string; readonly name: string };
  readonly namespaces: readonly Explained<{ readonly type: string; readonly path?: string }>[];
  readonly idMap: {
    readonly uid: readonly Explained<IdMapLine>[];
    readonly gid: readonly Explained<IdMapLine>[];
    /** What /proc/PID/setgroups will say. */
    readonly setgroups: "allow" | "deny";
    /** The programs that write the maps; missing: tsman does. */
    readonly tools?: readonly string[] | undefined;
  };
  readonly rootfs: Explained<{
    readonly driver: string;
    /** Topmost first. */
    readonly lowers: readonly string[];
    readonly upper?: string | undefined;
    readonly readOnly: boolean;
  }>;
  readonly mounts: readonly Explained<{
    readonly target: string;
    readonly type: string;
    readonly source: string;
    readonly options: readonly string[];
  }>[];
  readonly devices: readonly Explained<{ readonly path: string; readonly hostPath: string }>[];
  /** Files that tsman writes for this container, with their contents. */
  readonly files: readonly Explained<{
    readonly path: string;
    readonly source: string;
    readonly content: string;
  }>[];
  readonly maskedPaths: readonly Explained<{ readonly path: string }>[];
  readonly readonlyPaths: readonly Explained<{ readonly path: string }>[];
  readonly sysctls: readonly Explained<{ readonly key: string; readonly value: string }>[];
  readonly capabilities: Explained<{
    readonly bounding: readonly string[];
    readonly effective: readonly string[];
    /** Those of the kernel that the container does not have. */
    readonly missing: readonly string[];
  }>;
  readonly seccomp: Explained<{
    /** Missing: every system call is allowed. */
    readonly filter?:
      | {
          readonly defaultAction: string;
          readonly rules: number;
          /** Instructions of the compiled filter. */
          readonly instructions: number;
        }
      | undefined;
  }>;
  readonly process: {
    readonly args: Explained<{ readonly value: readonly string[] }>;
    readonly cwd: Explained<{ readonly value: string; readonly isCreated: boolean }>;
    readonly user: Explained<{ readonly value: string; readonly groups: readonly string[] }>;
    readonly env: readonly Explained<{ readonly name: string; readonly value: string }>[];
    readonly rlimits: readonly Explained<{
      readonly name: string;
      readonly soft: number;
      readonly hard: number;
    }>[];
    readonly umask: Explained<{ readonly value: string }>;
    readonly terminal: Explained<{ readonly value: boolean }>;
    readonly hostname?: Explained<{ readonly value: string }> | undefined;
    /** Whether programs with setuid bits and file capabilities give none. */
    readonly noNewPrivileges: Explained<{ readonly value: boolean }>;
    readonly isUnderInit: boolean;
  };
  readonly network: Explained<{
    readonly mode: string;
    readonly address?: string | undefined;
    readonly gateway?: string | undefined;
    /** The helper's command line. */
    readonly helper?: readonly string[] | undefined;
    readonly ports: readonly Explained<ExplainedPort>[];
  }>;
  /** The plan itself, in the order of execution. */
  readonly steps: readonly Explained<{
    readonly index: number;
    readonly operation: string;
    readonly arguments: readonly string[];
  }>[];
  readonly warnings: readonly string[];
}

/** One line of uid_map or gid_map. */
export interface IdMapLine {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** What {@link explainPlan} takes. */
export interface ExplainRequest {
  readonly name: string;
  readonly bundle: Bundle;
  readonly context: LaunchContext;
  readonly plan: LaunchPlan;
  readonly network: {
    readonly mode: string;
    readonly address?: string | undefined;
    readonly gateway?: string | undefined;
    readonly ports: readonly Explained<ExplainedPort>[];
    readonly warnings: readonly string[];
  };
}

/** Says what a plan does and why; pure, nothing of it happens. */
export function explainPlan(request: ExplainRequest): Explanation {
  const { bundle, context } = request;
  const { config, mapping } = bundle;
  const { linux, process } = config;
  const because = (pointer: string): string => originOf(bundle.origins, pointer);
  return {
    container: { id: context.id, name: request.name },
    namespaces: linux.namespaces.map((namespace, index) => ({
      ...namespace,
      because: because(`/linux/namespaces/${index}`),
    })),
    idMap: {
      uid: mapping.uid.map((line) => explainLine(line, mapping.because)),
      gid: mapping.gid.map((line) => explainLine(line, mapping.because)),
      setgroups: mapping.denySetgroups ? "deny" : "allow",
      ...(mapping.tools === undefined
        ? {}
        : { tools: [mapping.tools.newuidmap, mapping.tools.newgidmap] }),
    },
    rootfs: explainRootfs(request, because),
    mounts: config.mounts.map((mount, index) => ({
      target: mount.destination,
      type: mount.type,
      source: mount.source,
      options: mount.options,
      because: because(`/mounts/${index}`),
    })),
    devices: bundle.devices.map((device) => ({
      ...device,
      because: because(`/devices/${device.path.replaceAll("/", "~1")}`),
    })),
    files: explainFiles(bundle, because),
    maskedPaths: linux.maskedPaths.map((path, index) => ({
      path,
      because: because(`/linux/maskedPaths/${index}`),
    })),
    readonlyPaths: linux.readonlyPaths.map((path, index) => ({
      path,
      because: because(`/linux/readonlyPaths/${index}`),
    })),
    sysctls: Object.entries(linux.sysctl).map(([key, value]) => ({
      key,
      value,
      because: because(`/linux/sysctl/${key.replaceAll("/", "~1")}`),
    })),
    capabilities: {
      bounding: process.capabilities.bounding,
      effective: process.capabilities.effective,
      missing: capabilityNames.filter((name) => !process.capabilities.bounding.includes(name)),
      because: because("/process/capabilities"),
    },
    seccomp: {
      ...(linux.seccomp === undefined
        ? {}
        : {
            filter: {
              defaultAction: linux.seccomp.defaultAction,
              rules: linux.seccomp.syscalls.length,
              instructions: Math.floor((context.seccompFilter?.byteLength ?? 0) / 8),
            },
          }),
      because: because("/linux/seccomp"),
    },
    process: explainProcess(bundle, because),
    network: {
      mode: request.network.mode,
      address: request.network.address,
      gateway: request.network.gateway,
      helper: context.networkHelper,
      ports: request.network.ports,
      because: networkBecause(bundle, because),
    },
    steps: planSteps(request.plan).map((step, index) => ({
      index,
      operation: operationName(step.op),
      arguments: step.args.map(printable),
      because: step.because,
    })),
    warnings: [...bundle.warnings, ...request.network.warnings],
  };
}

type Because = (pointer: string) => string;

function explainLine(line: MapEntry, because: string): Explained<IdMapLine> {
  const { inside, outside, count } = line;
  return { inside, outside, count, because: line.because ?? because };
}

function explainRootfs(request: ExplainRequest, because: Because): Explanation["rootfs"] {
  const { rootfs } = request.context;
  const readOnly = request.bundle.config.root.readonly;
  const reason = readOnly ? `${because("/root")}, ${because("/root/readonly")}` : because("/root");
  if (rootfs.driver === "copy") {
    return { driver: rootfs.driver, lowers: [rootfs.path], readOnly, because: reason };
  }
  const { driver, lowers, upper } = rootfs;
  return { driver, lowers, upper, readOnly, because: reason };
}

function explainFiles(bundle: Bundle, because: Because): Explanation["files"] {
  return bundle.artefacts.flatMap((artefact) => {
    const index = bundle.config.mounts.findIndex((mount) =>
      mount.source.endsWith(`/${artefact.name}`),
    );
    const mount = bundle.config.mounts[index];
    // A user's own mount took the place of this file.
    if (mount === undefined) return [];
    return [
      {
        path: mount.destination,
        source: mount.source,
        content: artefact.content,
        because: because(`/mounts/${index}`),
      },
    ];
  });
}

function explainProcess(bundle: Bundle, because: Because): Explanation["process"] {
  const { process, hostname } = bundle.config;
  return {
    args: { value: process.args, because: because("/process/args") },
    cwd: {
      value: process.cwd,
      isCreated: bundle.createWorkdir,
      because: because("/process/cwd"),
    },
    user: {
      value: bundle.user.spec === "" ? "0:0" : bundle.user.spec,
      groups: [...bundle.user.groups, ...(bundle.user.keepGroups ? ["keep-groups"] : [])],
      because: because("/process/user"),
    },
    env: process.env.map((entry, index) => {
      const equals = entry.indexOf("=");
      return {
        name: entry.slice(0, equals),
        value: entry.slice(equals + 1),
        because: because(`/process/env/${index}`),
      };
    }),
    rlimits: process.rlimits.map(({ type, soft, hard }, index) => ({
      name: type.slice("RLIMIT_".length).toLowerCase(),
      soft,
      hard,
      because: because(`/process/rlimits/${index}`),
    })),
    umask: {
      value: process.user.umask.toString(8).padStart(4, "0"),
      because: because("/process/user/umask"),
    },
    terminal: { value: process.terminal, because: because("/process/terminal") },
    ...(hostname === undefined
      ? {}
      : { hostname: { value: hostname, because: because("/hostname") } }),
    noNewPrivileges: {
      value: process.noNewPrivileges,
      because: because("/process/noNewPrivileges"),
    },
    isUnderInit: bundle.useInit,
  };
}

function networkBecause(bundle: Bundle, because: Because): string {
  const index = bundle.config.linux.namespaces.findIndex((one) => one.type === "network");
  return index < 0 ? "--network host" : because(`/linux/namespaces/${index}`);
}

/** An operand for people: data by its size. */
function printable(operand: string | Uint8Array): string {
  return typeof operand === "string" ? operand : `<${operand.byteLength} bytes>`;
}
