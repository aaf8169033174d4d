import process from "node:process";
import { nativeProgram } from "./native.ts";
import { type ChildProcess, type SpawnOptions, spawnProgram } from "./process.ts";

/** One line of a uid_map or gid_map: user_namespaces(7). */
export interface IdMapEntry {
  /** First id inside the namespace. */
  readonly inside: number;
  /** First id outside, as the starter sees it. */
  readonly outside: number;
  readonly count: number;
}

/** What it takes to enter a new user namespace. */
export interface UsernsMaps {
  readonly uid: readonly IdMapEntry[];
  readonly gid: readonly IdMapEntry[];
  /** The setuid programs that write the maps; missing: the maps are written directly. */
  readonly tools?: { readonly newuidmap: string; readonly newgidmap: string } | undefined;
  /** "deny" goes to /proc/PID/setgroups before gid_map is written (security case S21). */
  readonly denySetgroups: boolean;
}

/** A directory that the namespace's ids may not enter, and what of it they are shown all the same. */
export interface CoveredDirectory {
  /** Absolute, without links. */
  readonly directory: string;
  /** Paths below it; readable for everybody once one is there. */
  readonly exposed: readonly string[];
}

/** What {@link spawnInUserns} takes besides {@link SpawnOptions}. */
export interface UsernsSpawnOptions extends SpawnOptions {
  /** It is a process of tsman's own: it ends with this one, and leaves no core file. */
  readonly isWorker?: boolean | undefined;
  /** Also a mount namespace of its own. */
  readonly mount?: boolean | undefined;
  /** What the program finds as its working directory, as native/view.h has it; with `mount`. */
  readonly view?: readonly string[] | undefined;
  /**
   * Descriptor of a directory that becomes a mount, and the program's working directory, in a mount
   * namespace of its own: only from a mount does nothing lead out when somebody moves directories.
   */
  readonly directory?: number | undefined;
  /** In a mount namespace of its own. */
  readonly covered?: readonly CoveredDirectory[] | undefined;
}

/**
 * Starts a program as id 0 of a new user namespace: `tsman-native userns … -- argv`.  Descriptors
 * and the working directory are inherited – the latter matters when the namespace's root may not
 * walk the path to it (architecture.md, section 3: as root the caller itself is not mapped).
 *
 * @param argv Absolute path of the program, then its arguments.
 */
export function spawnInUserns(
  maps: UsernsMaps,
  argv: readonly string[],
  options: UsernsSpawnOptions = {},
): ChildProcess {
  return spawnProgram(
    nativeProgram(),
    usernsArguments(maps, argv, options.mount ?? false, options),
    options,
  );
}

const asWorker = (): readonly string[] => ["--worker", String(process.pid)];

/**
 * Starts a worker with the caller's ids.
 *
 * @param argv Absolute path of the program, then its arguments.
 */
export function spawnWorker(argv: readonly string[], options: SpawnOptions): ChildProcess {
  return spawnProgram(nativeProgram(), ["userns", ...asWorker(), "--", ...argv], options);
}

/**
 * Starts a worker with the caller's ids whose working directory is a mount of the directory behind
 * a descriptor of `options.stdio`; for root.
 *
 * @param argv Absolute path of the program, then its arguments.
 */
export function spawnInDirectory(
  directory: number,
  argv: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const words = ["userns", ...asWorker(), "--directory", String(directory), "--", ...argv];
  return spawnProgram(nativeProgram(), words, options);
}

/**
 * Starts a worker as id 0 of the user namespace behind descriptor 5 of `options.stdio`; the
 * descriptor is closed.
 *
 * @param argv Absolute path of the program, then its arguments.
 */
export function joinUserns(argv: readonly string[], options: SpawnOptions): ChildProcess {
  return spawnProgram(
    nativeProgram(),
    ["userns", ...asWorker(), "--join", "5", "--", ...argv],
    options,
  );
}

/** The arguments of `tsman-native` for {@link spawnInUserns}, for programs started otherwise. */
export function usernsArguments(
  maps: UsernsMaps,
  argv: readonly string[],
  mount: boolean,
  { covered = [], view = [], directory, isWorker = false }: UsernsSpawnOptions = {},
): readonly string[] {
  return [
    "userns",
    ...mapArguments(maps),
    ...(isWorker ? asWorker() : []),
    ...(mount ? ["--mount"] : []),
    ...(directory === undefined ? [] : ["--directory", String(directory)]),
    ...covered.flatMap(({ directory, exposed }) => [
      "--cover",
      directory,
      ...exposed.flatMap((path) => ["--expose", path]),
    ]),
    ...(view.length === 0 ? [] : ["--view", ...view]),
    "--",
    ...argv,
  ];
}

/** The arguments of `tsman-native` that tell a new user namespace's maps. */
export function mapArguments({ uid, gid, tools, denySetgroups }: UsernsMaps): readonly string[] {
  return [
    "--uid-map",
    formatIdMap(uid),
    "--gid-map",
    formatIdMap(gid),
    ...(tools === undefined
      ? []
      : ["--newuidmap", tools.newuidmap, "--newgidmap", tools.newgidmap]),
    ...(denySetgroups ? ["--deny-setgroups"] : []),
  ];
}

/** `0 1000 1,1 100000 65536`. */
export function formatIdMap(entries: readonly IdMapEntry[]): string {
  return entries.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join(",");
}
