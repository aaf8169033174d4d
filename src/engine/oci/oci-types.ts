/** Where the OCI runtime keeps its containers, and who hears of it. */
export interface OciContext {
  /** A directory for each container, by its id: the caller's own, volatile. */
  readonly root: string;
  /** Compiled filters. */
  readonly cacheDir: string;
  /** Who makes control groups; with systemd `linux.cgroupsPath` names a scope. */
  readonly cgroupManager: "systemd" | "cgroupfs" | "disabled";
  readonly onWarning: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Options of `create` and `run`. */
export interface CreateRequest {
  readonly id: string;
  /** Directory of the bundle; absolute. */
  readonly bundleDir: string;
  /** Name of the configuration in it; missing: config.json. */
  readonly configFile?: string | undefined;
  /** A unix socket that gets the terminal's master. */
  readonly consoleSocket?: string | undefined;
  readonly pidFile?: string | undefined;
  /** Descriptors from 3 on that the program gets. */
  readonly preserveFds: number;
  /** How many of them are sockets of a service manager's, sd_listen_fds(3). */
  readonly listenFds: number;
  /** False: the caller's session keyring stays. */
  readonly newKeyring: boolean;
  /** A native session has failed with it before: what the configuration is warned of has been said. */
  readonly isRetry?: boolean | undefined;
}

/** Options of `exec`. */
export interface OciExecRequest {
  readonly id: string;
  /** A file with `process` of a config.json; else the container's own with what follows. */
  readonly processFile?: string | undefined;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: readonly string[];
  /** `UID[:GID]` */
  readonly user?: string | undefined;
  readonly additionalGids: readonly number[];
  readonly terminal: boolean;
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile?: string | undefined;
  readonly selinuxLabel?: string | undefined;
  /** Path of a control group, from the container's own on. */
  readonly subgroup?: string | undefined;
  readonly ignorePaused: boolean;
  readonly consoleSocket?: string | undefined;
  readonly pidFile?: string | undefined;
  readonly detach: boolean;
  readonly preserveFds: number;
  readonly newKeyring: boolean;
}

/** What runtime.md, "State", calls it; `paused` is runc's and crun's as well. */
export type OciStatus = "creating" | "created" | "running" | "paused" | "stopped";

/** runtime.md, "State", with what runc adds. */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when it is stopped. */
  readonly pid: number;
  readonly status: OciStatus;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: string;
  readonly annotations: Readonly<Record<string, string>>;
}
