import type { HealthPolicy } from "../container/health-policy.ts";
import type { PreparedNamespaces } from "../platform/prepared-namespaces.ts";
import type { PlanRecord } from "./launch-plan.ts";

/** How the root file system comes about. */
export type RootfsPlan =
  | {
      readonly driver: "overlay";
      /** Layers' directories, topmost first. */
      readonly lowers: readonly string[];
      readonly upper: string;
      readonly work: string;
      /** The container is removed at its end: nothing needs to reach the disk. */
      readonly isVolatile: boolean;
    }
  | {
      readonly driver: "fuse-overlayfs";
      /** Path of the program. */
      readonly program: string;
      readonly lowers: readonly string[];
      readonly upper: string;
      readonly work: string;
      /** The container's directory; it has an empty directory `merged`. */
      readonly dir: string;
    }
  | {
      /** A tree that is the root itself: a copy, or `--rootfs PATH`. */
      readonly driver: "copy";
      readonly path: string;
    };

/** What the monitor writes into the store's file of events; TSMAN_SET_EVENT in native/protocol.h. */
export interface MonitorEvent {
  readonly status:
    | "init"
    | "start"
    | "exec"
    | "died"
    | "exec_died"
    | "health_status"
    | "remove"
    | "oom";
  readonly path: string;
  /** With the monitor's placeholders, and a newline at the end. */
  readonly line: string;
}

/** Where the program's output goes besides the caller's descriptors. */
export type LogTarget =
  | {
      readonly kind: "file";
      readonly path: string;
      /** 0: never rotated. */
      readonly maxBytes: number;
      readonly maxFiles: number;
      readonly format: "k8s-file" | "json-file";
      readonly tag: string;
    }
  | {
      readonly kind: "journal";
      /** Path of the datagram socket. */
      readonly socket: string;
      /** `NAME=value`, sent with each line. */
      readonly fields: readonly string[];
    }
  /** Nowhere else: the program gets the caller's descriptors themselves. */
  | { readonly kind: "passthrough" };

/** Milliseconds. */
export interface RestartDelay {
  readonly afterShortLife: number;
  readonly longLife: number;
  readonly afterLongLife: number;
}

/** The monitor's own checks of a container's health. */
export interface HealthLaunch {
  /** Where it writes down how they went. */
  readonly file: string;
  readonly policy: HealthPolicy;
  /** Payloads of LAUNCH frames without JOIN_PROCESS. */
  readonly plan: Uint8Array;
  readonly startupPlan?: Uint8Array | undefined;
}

/** What somebody else's config.json adds to a plan (./additions.ts). */
export interface PlanAdditions {
  readonly settings: readonly PlanRecord[];
  /** In the new root, when all is mounted. */
  readonly beforePivot: readonly PlanRecord[];
  readonly afterPivot: readonly PlanRecord[];
  /** Of the process, before its user. */
  readonly process: readonly PlanRecord[];
}

/** What a plan needs besides the bundle: where things are, and who is connected. */
export interface LaunchContext {
  readonly id: string;
  readonly rootfs: RootfsPlan;
  /** Existing directory of mode 0700 for the monitor's volatile files. */
  readonly runDir: string;
  /** Missing: whoever waits for the program knows. */
  readonly exitFile?: string | undefined;
  /** Where its configuration is; missing: beside the exit file. */
  readonly bundleDir?: string | undefined;
  /** Directory of its control group, which is there; missing: it stays in the caller's. */
  readonly cgroup?: string | undefined;
  /** Descriptors behind the control socket that the program gets as 3, 4 …; missing: none. */
  readonly preserve?: number | undefined;
  /** `--pidfile` */
  readonly pidFile?: string | undefined;
  readonly log?: LogTarget | undefined;
  readonly health?: HealthLaunch | undefined;
  /** Size of the terminal to begin with; needed with `-t`. */
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  /** Output goes to descriptors 1 and 2 and the monitor ends with the container. */
  readonly foreground: boolean;
  /** The program has a stdin: descriptor 0 in the foreground, and what those write who attach. */
  readonly forwardStdin: boolean;
  readonly detachKeys?: Uint8Array | undefined;
  /** After READY wait for START. */
  readonly hold: boolean;
  /** After READY the caller leaves: STAY in native/protocol.h; with `hold`. */
  readonly stay?: string | undefined;
  readonly stopSignal: number;
  readonly stopTimeoutMs: number;
  /** `--timeout` */
  readonly timeoutMs?: number | undefined;
  /** The network helper's argv, from network/slirpArguments. */
  readonly networkHelper?: readonly string[] | undefined;
  /** Removed by the monitor, as far as it may, before it says that the program ended (`--rm`). */
  readonly removeTree?: string | undefined;
  /**
   * Executed by the monitor after the exit: when nobody is connected (`--rm -d`), or always with a
   * restart policy.
   */
  readonly cleanup?: readonly string[] | undefined;
  /** How long the monitor waits before a restart policy has its say. */
  readonly restartDelay?: RestartDelay | undefined;
  readonly events?: readonly MonitorEvent[] | undefined;
  /** The container goes with the process that starts it: EPHEMERAL in native/protocol.h. */
  readonly ephemeral?: { readonly removedMark: string } | undefined;
  /** The native session takes over from this process: SESSION in native/protocol.h. */
  readonly session?:
    | {
        readonly words: string;
        readonly removedMark: string;
        /** With the maps of the bundle's mapping, in which it has a user namespace of its own. */
        readonly prepared?: PreparedNamespaces | undefined;
      }
    | undefined;
  /** The compiled filter; needed when the bundle has one. */
  readonly seccompFilter?: Uint8Array | undefined;
  readonly additions?: PlanAdditions | undefined;
}
