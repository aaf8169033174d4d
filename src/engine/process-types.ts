/** A process of a container, as the kernel shows it from outside: proc(5). */
export interface ContainerProcess {
  /** In the container's pid namespace. */
  readonly pid: number;
  /** Zero where its parent is not in the container. */
  readonly parentPid: number;
  readonly processGroup: number;
  /** In the caller's pid namespace. */
  readonly hostPid: number;
  /** Effective user by the container's /etc/passwd, else its id in the container, else "?". */
  readonly user: string;
  readonly group: string;
  readonly realUser: string;
  readonly realGroup: string;
  readonly groups: readonly string[];
  /** Effective user by the host's /etc/passwd, else its id. */
  readonly hostUser: string;
  readonly hostGroup: string;
  readonly hostGroups: readonly string[];
  /** Name of its program, at most 15 bytes. */
  readonly command: string;
  /** Empty for one that has none left, as a zombie. */
  readonly arguments: readonly string[];
  /** One letter: proc_pid_stat(5). */
  readonly state: string;
  readonly sessionLeader: boolean;
  /** Its process group is the one that its terminal listens to. */
  readonly foreground: boolean;
  readonly threads: number;
  readonly nice: number;
  /** Bytes in memory. */
  readonly residentSize: number;
  /** Bytes of address space. */
  readonly virtualSize: number;
  /** Milliseconds of processor time. */
  readonly cpuTime: number;
  /** Milliseconds since its start. */
  readonly elapsed: number;
  /** RFC 3339. */
  readonly startedAt: string;
  /** `pts/0`; missing: it has no terminal. */
  readonly terminal?: string | undefined;
  readonly capabilities: {
    readonly ambient: readonly string[];
    readonly bounding: readonly string[];
    readonly effective: readonly string[];
    readonly inheritable: readonly string[];
    readonly permitted: readonly string[];
  };
  readonly seccomp: "disabled" | "strict" | "filter";
  /** Of a security module; missing: none is in force. */
  readonly label?: string | undefined;
}

/** What a container uses, at a moment. */
export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  /** Per cent of one processor since the sample before, or since its start. */
  readonly cpuPercent: number;
  /** Per cent of one processor since its start. */
  readonly averageCpuPercent: number;
  /** Milliseconds of processor time. */
  readonly cpuTime: number;
  /** Milliseconds since its start. */
  readonly elapsed: number;
  /** Bytes; memory that several processes share counts once, by shares. */
  readonly memory: number;
  /**
   * What `memory` is made of, process by process: proportional shares, all that is resident where
   * the kernel does not tell shares (a program that may not be traced), or some of each; or what its
   * control group uses, without what the page cache could give back.
   */
  readonly memorySource: "pss" | "rss" | "mixed" | "cgroup";
  /** Bytes that there are to have; 0 when it does not run. */
  readonly memoryLimit: number;
  /** Missing: it has no network of its own. */
  readonly network?: { readonly received: number; readonly sent: number } | undefined;
  /** Bytes from and to storage, of the processes that there are, or of its control group; missing: may not be read. */
  readonly block?: { readonly read: number; readonly written: number } | undefined;
  /** Processes and threads; 0: it does not run. */
  readonly tasks: number;
}

/** How `containers.stats` goes about it. */
export interface StatsOptions {
  /** Names or ids; missing or empty: all that run, looked for anew each time. */
  readonly containers?: readonly string[] | undefined;
  /** Without names: also those that do not run. */
  readonly all?: boolean | undefined;
  /** One sample only; missing: one after the other. */
  readonly once?: boolean | undefined;
  /** Milliseconds between two samples; missing: 5000. */
  readonly interval?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
