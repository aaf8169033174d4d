import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { resolvePaths } from "../../src/config/paths.ts";
import { exitFileName } from "../../src/container/state.ts";
import { randomHex } from "../../src/platform/random.ts";
import { openStore } from "../../src/store/store.ts";
import { alternate, type Candidate, type Effort } from "./measure.ts";
import {
  compare,
  compareSizes,
  proportionalMebibytes,
  type Result,
  residentMebibytes,
  type Stage,
} from "./measurements.ts";

// What one does with containers that are there: exec, ps, many at once.

const execute = promisify(execFile);
const store = "podman";
const none = ["--network", "none"];
const sleep = ["sleep", "600"];
const atOnce = 20;
const many = 1000;

// Three runs of a command fill tsman's code cache.
const effort: Effort = { warmUp: 4, rounds: 25, budget: 45_000 };

/** `exec CONTAINER true`. */
export async function measureExec({ tsman, podman }: Stage): Promise<Result> {
  const run = ["run", "--detach", "--name", "target", ...none];
  const exec = ["exec", "target", "true"];
  await execute(tsman, [...run, "busybox", ...sleep]);
  await podman?.run(store, ...run, "localhost/busybox", ...sleep);
  try {
    const candidates: Candidate[] = [{ name: "tsman", argv: [tsman, ...exec] }];
    const argv = podman?.command(store, ...exec);
    if (argv !== undefined) candidates.push({ name: "podman", argv });
    return compare("exec CONTAINER true", "≤ 0.50", await alternate(candidates, effort));
  } finally {
    await execute(tsman, ["rm", "--force", "target"]);
    await podman?.run(store, "rm", "--force", "--time", "0", "target");
  }
}

/** `ps --all` with one stopped container, and with a thousand. */
export async function measureList({ tsman, podman }: Stage): Promise<readonly Result[]> {
  const list = ["ps", "--all"];
  const candidates: Candidate[] = [{ name: "tsman", argv: [tsman, ...list] }];
  const argv = podman?.command(store, ...list);
  if (argv !== undefined) candidates.push({ name: "podman", argv });
  await execute(tsman, ["run", "--name", "stopped-0", ...none, "busybox", "true"]);
  await podman?.run(store, "create", "--name", "stopped-0", ...none, "localhost/busybox", "true");
  try {
    const one = await alternate(candidates, effort);
    multiplyStopped("stopped-0");
    for (let count = 1; podman !== undefined && count < many; count += 1) {
      const name = `stopped-${count}`;
      await podman.run(store, "create", "--name", name, ...none, "localhost/busybox", "true");
    }
    const thousand = await alternate(candidates, effort);
    return [
      compare("ps --all, 1 stopped", "≤ 1.3", one),
      compare(`ps --all, ${many} stopped`, "≤ 1.3", thousand),
    ];
  } finally {
    await execute(tsman, ["rm", "--all", "--force"]);
    await podman?.run(store, "rm", "--all", "--force", "--time", "0");
  }
}

/** As though a container had been run a thousand times: its record and what its monitor left. */
function multiplyStopped(name: string): void {
  const opened = openStore(resolvePaths());
  const { containers } = opened;
  try {
    const record = containers.find(name);
    if (record === undefined) throw new Error(`container ${name} is not there`);
    for (let count = 1; count < many; count += 1) {
      const id = randomHex(32);
      containers.create({ ...record, id, name: `stopped-${count}` });
      for (const file of [exitFileName, "config.json"]) {
        copyFileSync(join(containers.dir(record.id), file), join(containers.dir(id), file));
      }
    }
  } finally {
    opened.close();
  }
}

/** Twenty containers started at once, until the last of them runs. */
export async function measureStartsAtOnce({ tsman, podman }: Stage): Promise<Result> {
  const run = ["run", "--detach", "--rm", ...none];
  const candidate = (
    name: string,
    command: readonly string[],
    remove: readonly string[],
  ): Candidate => ({
    name,
    // "$@" is the command: what one would type into a shell.
    argv: [
      "/bin/bash",
      "-c",
      `for ((i = 0; i < ${atOnce}; i++)); do "$@" & all+=($!); done; for p in "\${all[@]}"; do wait $p || exit; done`,
      "bash",
      ...command,
    ],
    cleanUp: async () => {
      const [file = "", ...args] = remove;
      await execute(file, args);
    },
  });
  const candidates = [
    candidate(
      "tsman",
      [tsman, ...run, "busybox", ...sleep],
      [tsman, "rm", "--all", "--force", "--time", "0"],
    ),
  ];
  if (podman !== undefined) {
    candidates.push(
      candidate(
        "podman",
        podman.command(store, ...run, "localhost/busybox", ...sleep),
        podman.command(store, "rm", "--all", "--force", "--time", "0"),
      ),
    );
  }
  const times = await alternate(candidates, { warmUp: 1, rounds: 5, budget: 90_000 });
  return compare(`${atOnce} starts at once`, "≤ 0.50", times);
}

/**
 * What twenty running containers keep alive besides their own programs: added up as each process
 * shows it (VmRSS), and with pages that several share divided among them (Pss), which is what the
 * machine gives.
 */
export async function measureRunning({ tsman, podman }: Stage): Promise<readonly Result[]> {
  const network = ["--network", "slirp4netns"];
  const resident: Record<string, number> = {};
  const proportional: Record<string, number> = {};
  const measure = async (
    name: string,
    run: readonly string[],
    remove: readonly string[],
  ): Promise<void> => {
    const before = new Set(await ownProcesses());
    const start = async ([file = "", ...args]: readonly string[]) => await execute(file, args);
    try {
      for (let started = 0; started < atOnce; started += 1) await start(run);
      const added = (await ownProcesses()).filter((pid) => !before.has(pid));
      resident[name] = sum(await Promise.all(added.map((pid) => residentMebibytes(pid))));
      proportional[name] = sum(await Promise.all(added.map((pid) => proportionalMebibytes(pid))));
    } finally {
      await start(remove);
    }
  };
  const run = ["run", "--detach", "--rm", ...network];
  await measure(
    "tsman",
    [tsman, ...run, "busybox", ...sleep],
    [tsman, "rm", "--all", "--force", "--time", "0"],
  );
  if (podman !== undefined) {
    await measure(
      "podman",
      podman.command(store, ...run, "localhost/busybox", ...sleep),
      podman.command(store, "rm", "--all", "--force", "--time", "0"),
    );
  }
  const what = `${atOnce} containers with slirp4netns`;
  const target = "≤ 0.60";
  return [
    { what: `memory (Pss), ${what}`, unit: "MiB", ...compareSizes(proportional), target },
    { what: `memory (VmRSS added up), ${what}`, unit: "MiB", ...compareSizes(resident), target },
  ];
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}

/** The caller's processes outside of containers. */
async function ownProcesses(): Promise<string[]> {
  const uid = String(process.getuid?.());
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const own = await Promise.all(
    pids.map(async (pid) => {
      try {
        const status = await readFile(`/proc/${pid}/status`, "utf8");
        // NSpid has one number more for each pid namespace below ours.
        const isOutside = /^NSpid:\t\d+$/m.test(status);
        return isOutside && new RegExp(`^Uid:\t${uid}\t`, "m").test(status) ? pid : undefined;
      } catch {
        return undefined;
      }
    }),
  );
  return own.filter((pid) => pid !== undefined);
}
