import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { makeRootfs } from "../hostile/direct-launch.ts";
import { alternate, type Candidate, median } from "./measure.ts";
import type { Result, Stage } from "./measurements.ts";
import { recordBundleLaunch } from "./recorded-launch.ts";

const execute = promisify(execFile);

/** `run` of a bundle, beside those of crun and runc that are installed. */
export async function measureBundle({ tsman, work }: Stage): Promise<readonly Result[]> {
  const bundle = join(work, "bundle");
  await mkdir(bundle, { recursive: true });
  const rootfs = makeRootfs(join(bundle, "rootfs"));
  await writeFile(join(bundle, "config.json"), JSON.stringify(config(rootfs)));
  const oci = join(dirname(tsman), "tsman-oci");
  const candidates: Candidate[] = [];
  for (const [name, program, ...options] of [
    ["tsman-oci", oci],
    // Nobody has handed a control group to the benchmark's user.
    ["crun", "crun", "--cgroup-manager=disabled"],
    ["runc", "runc", "--rootless=true"],
  ] as const) {
    if (await isThere(program)) {
      const words = [...options, "--root", join(work, `oci-${name}`), "run", "--bundle", bundle];
      candidates.push({ name, argv: [program, ...words, "bench"] });
    }
  }
  candidates.push(await recordBundleLaunch(bundle, join(work, "oci-native")));
  const times = await alternate(candidates, { warmUp: 4, rounds: 25, budget: 45_000 });
  const medians: Record<string, number> = Object.fromEntries(
    [...times].map(([name, all]) => [name, median(all)]),
  );
  const of = (what: string, own: string, target: string): Result => {
    const [ours, crun] = [medians[own], medians.crun];
    const compared = ours !== undefined && crun !== undefined && { ratio: ours / crun, target };
    return { what, unit: "ms", medians, ...compared, runs: times };
  };
  return [
    of("run of a bundle", "tsman-oci", "≤ 1.6"),
    of("the native part of that", "native part", "≤ 0.4"),
  ];
}

async function isThere(program: string): Promise<boolean> {
  return await execute(program, ["--version"]).then(
    () => true,
    () => false,
  );
}

/** What all three can do for an ordinary user without control groups; version 1.0 is crun's. */
function config(rootfs: string) {
  const { uid, gid } = userInfo();
  const map = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  return {
    ociVersion: "1.0.2",
    root: { path: rootfs },
    process: { user: { uid: 0, gid: 0 }, args: ["true"], env: ["PATH=/bin"], cwd: "/" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
    ],
    linux: {
      namespaces: ["user", "mount", "pid", "ipc", "uts", "network"].map((type) => ({ type })),
      uidMappings: map(uid),
      gidMappings: map(gid),
    },
  };
}
