import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { removeTree } from "../run/remove-tree.ts";
import { alternate, type Candidate, type Effort, median, type Times } from "./measure.ts";
import type { Podman } from "./podman.ts";

const execute = promisify(execFile);

/** What the measurements work with. */
export interface Stage {
  /** bin/tsman */
  readonly tsman: string;
  readonly podman: Podman | undefined;
  /** host:port of the registry that has `busybox` and `big`. */
  readonly registry: string;
  /** A directory on a tmpfs, the user's own. */
  readonly work: string;
}

/** One line of the result. */
export interface Result {
  readonly what: string;
  readonly unit: "ms" | "MiB/s" | "MiB";
  /** Medians by candidate; a floor or what is there for information counts as one. */
  readonly medians: Readonly<Record<string, number>>;
  /** tsman by podman. */
  readonly ratio?: number;
  /** What is to be reached: of the ratio where there is one, else of tsman's own value. */
  readonly target?: string;
  readonly runs?: Times;
}

const mebibyte = 1024 * 1024;
const store = "podman";

/** (a), (b) and the floor: how long a start takes. */
export async function measureStarts({ tsman, podman }: Stage): Promise<readonly Result[]> {
  const starts = async (what: string, target: string, network: Networks): Promise<Result> => {
    const run = ["run", "--rm"];
    const candidates: Candidate[] = [
      { name: "tsman", argv: [tsman, ...run, ...network.tsman, "busybox", "true"] },
    ];
    for (const [name, options] of Object.entries(podman === undefined ? {} : network.podman)) {
      const argv = podman?.command(store, ...run, ...options, "localhost/busybox", "true");
      if (argv !== undefined) candidates.push({ name, argv });
    }
    return compare(what, target, await alternate(candidates, effort(25, 45_000)));
  };
  const none = ["--network", "none"];
  const node: Candidate = { name: "node -e 0", argv: [process.execPath, "-e", "0"] };
  const floors = await alternate([node], effort(25, 15_000));
  return [
    { what: "the floor", unit: "ms", medians: mediansOf(floors), runs: floors },
    await starts("run --network none", "≤ 0.40", { tsman: none, podman: { podman: none } }),
    await starts("run, default network", "≤ 0.50", {
      tsman: [],
      podman: { podman: ["--network", "slirp4netns"], "podman's default": [] },
    }),
  ];
}

interface Networks {
  readonly tsman: readonly string[];
  /** Options by candidate. */
  readonly podman: Readonly<Record<string, readonly string[]>>;
}

/** (c): pull of a distribution's image into an empty store. */
export async function measurePull({ tsman, podman, registry, work }: Stage): Promise<Result> {
  const image = `${registry}/big`;
  const root = join(work, "pulled");
  const candidates: Candidate[] = [
    {
      name: "tsman",
      argv: [tsman, "pull", "--quiet", image],
      env: { TSMAN_ROOT: root },
      cleanUp: () => removeTree(root),
    },
  ];
  if (podman !== undefined) {
    candidates.push({
      name: "podman",
      argv: podman.command("pulled-podman", "pull", "--quiet", "--tls-verify=false", image),
      cleanUp: () => podman.removeStore("pulled-podman"),
    });
  }
  const times = await alternate(candidates, { warmUp: 1, rounds: 5, budget: 60_000 });
  return compare("pull, 100 MB compressed", "≤ 0.50", times);
}

/** (e): bytes through the standard output of a container. */
export async function measureThroughput({ tsman, podman }: Stage): Promise<Result> {
  const megabytes = 2000;
  const dd = ["dd", "if=/dev/zero", "bs=1M", `count=${megabytes}`];
  const none = ["--network", "none"];
  const candidates: Candidate[] = [
    { name: "tsman", argv: [tsman, "run", "--rm", ...none, "busybox", ...dd] },
  ];
  if (podman !== undefined) {
    const argv = podman.command(store, "run", "--rm", ...none, "localhost/busybox", ...dd);
    candidates.push({ name: "podman", argv });
  }
  const times = await alternate(candidates, { warmUp: 0, rounds: 3, budget: 40_000 });
  const rates = new Map(
    [...times].map(([name, all]) => [name, all.map((time) => (megabytes / time) * 1000)] as const),
  );
  return { ...compare("dd of 2000 MiB", "≥ 1", rates), unit: "MiB/s" };
}

/** (d): what a running container costs besides itself. */
export async function measureMonitor({ tsman, podman }: Stage): Promise<Result> {
  const sleep = ["sleep", "300"];
  const medians: Record<string, number> = {};
  const { stdout } = await execute(tsman, ["run", "--rm", "-d", "busybox", ...sleep]);
  const id = stdout.trim();
  try {
    const file = join(process.env.XDG_RUNTIME_DIR ?? "", "tsman", id, "monitor");
    medians.tsman = await residentMebibytes((await readFile(file, "utf8")).split(" ")[0] ?? "");
  } finally {
    await execute(tsman, ["rm", "--force", id]);
  }
  if (podman !== undefined) {
    const other = await podman.run(store, "run", "--rm", "-d", "localhost/busybox", ...sleep);
    try {
      const file = await podman.run(store, "inspect", "--format", "{{.ConmonPidFile}}", other);
      medians["podman (conmon)"] = await residentMebibytes((await readFile(file, "utf8")).trim());
    } finally {
      await podman.run(store, "rm", "--force", "--time", "0", other);
    }
  }
  return { what: "monitor, resident", unit: "MiB", medians, target: "≤ 1.5 MB" };
}

/** Sizes side by side. */
export function compareSizes(
  medians: Readonly<Record<string, number>>,
): Pick<Result, "medians" | "ratio"> {
  const { tsman, podman } = medians;
  if (tsman === undefined || podman === undefined) return { medians };
  return { medians, ratio: tsman / podman };
}

/** Of a process: VmRSS of proc_pid_status(5). */
export async function residentMebibytes(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return (kibibytes * 1024) / mebibyte;
}

/** Of a process: Pss of proc_pid_smaps(5), where a page counts once for all that share it. */
export async function proportionalMebibytes(pid: string): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const kibibytes = Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]);
  return (kibibytes * 1024) / mebibyte;
}

function effort(rounds: number, budget: number): Effort {
  // Three runs of a command fill tsman's code cache.
  return { warmUp: 4, rounds, budget };
}

/** The line of a result: medians, and the ratio where there is a Podman. */
export function compare(what: string, target: string, runs: Times): Result {
  const medians = mediansOf(runs);
  const { tsman, podman } = medians;
  if (tsman === undefined || podman === undefined) return { what, unit: "ms", medians, runs };
  return { what, unit: "ms", medians, ratio: tsman / podman, target, runs };
}

function mediansOf(runs: Times): Record<string, number> {
  return Object.fromEntries([...runs].map(([name, values]) => [name, median(values)]));
}
