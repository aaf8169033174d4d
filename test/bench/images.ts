import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Registry } from "../run/registry.ts";
import { removeTree } from "../run/remove-tree.ts";
import { hostArchitecture } from "../support/image-fixture.ts";
import { layerOf, TarBuilder } from "../support/tar-builder.ts";
import { alternate, type Candidate } from "./measure.ts";
import {
  compare,
  compareSizes,
  proportionalMebibytes,
  type Result,
  residentMebibytes,
  type Stage,
} from "./measurements.ts";

// What one does with images: pull, push, list, save, load.

const execute = promisify(execFile);
const store = "podman";
const layered = "layered";
const effort = { warmUp: 1, rounds: 5, budget: 90_000 };
const manyImages = 500;

/**
 * Pull of 300 MB in five layers into an empty store, and what memory that takes: with pages that
 * several processes share, Node's program above all, divided among them (Pss), which is what the
 * machine gives, and as each shows it (VmRSS), which counts them several times.
 */
export async function measureLayeredPull(stage: Stage): Promise<readonly Result[]> {
  const { tsman, podman, registry, work } = stage;
  const image = `${registry}/${layered}`;
  const root = join(work, "pulled");
  const argv = [tsman, "pull", "--quiet", image] as const;
  const env = { TSMAN_ROOT: root };
  const candidates: Candidate[] = [{ name: "tsman", argv, env, cleanUp: () => removeTree(root) }];
  if (podman !== undefined) {
    candidates.push({
      name: "podman",
      argv: podman.command("pulled-podman", "pull", "--quiet", "--tls-verify=false", image),
      cleanUp: () => podman.removeStore("pulled-podman"),
    });
  }
  const times = await alternate(candidates, effort);
  const proportional: Record<string, number> = {};
  const resident: Record<string, number> = {};
  for (const one of candidates) {
    const memory = await largestMemory(one.argv, env);
    proportional[one.name] = memory.proportional;
    resident[one.name] = memory.resident;
    await one.cleanUp?.();
  }
  const what = "memory of that pull, at most";
  const unit = "MiB";
  return [
    compare("pull, 300 MB in 5 layers", "≤ 0.45", times),
    { what: `${what} (Pss)`, unit, ...compareSizes(proportional), target: "≤ 150 MB" },
    { what: `${what} (VmRSS added up)`, unit, ...compareSizes(resident), target: "" },
  ];
}

/** Push of the same to a registry that has none of it. */
export async function measurePush(stage: Stage, target: Registry): Promise<Result> {
  const { tsman, podman, registry } = stage;
  const image = `${registry}/${layered}`;
  const to = `${target.address}/pushed/${layered}`;
  const cleanUp = () => rm(join(target.storage, "docker"), { recursive: true, force: true });
  await execute(tsman, ["pull", "--quiet", image]);
  const candidates: Candidate[] = [
    { name: "tsman", argv: [tsman, "push", "--quiet", image, to], cleanUp },
  ];
  if (podman !== undefined) {
    await podman.run(store, "pull", "--quiet", "--tls-verify=false", image);
    const argv = podman.command(store, "push", "--quiet", "--tls-verify=false", image, to);
    candidates.push({ name: "podman", argv, cleanUp });
  }
  return compare("push, 300 MB in 5 layers", "≤ 0.7", await alternate(candidates, effort));
}

/** `save` of that image as a docker-archive, and `load` of the archive into an empty store. */
export async function measureArchives(stage: Stage): Promise<readonly Result[]> {
  const { tsman, podman, registry, work } = stage;
  const image = `${registry}/${layered}`;
  const archive = join(work, "saved.tar");
  const root = join(work, "loaded");
  const cleanUp = () => rm(archive, { force: true });
  await execute(tsman, ["pull", "--quiet", image]);
  const saves: Candidate[] = [
    { name: "tsman", argv: [tsman, "save", "--quiet", "--output", archive, image], cleanUp },
  ];
  const loads: Candidate[] = [
    {
      name: "tsman",
      argv: [tsman, "load", "--quiet", "--input", archive],
      env: { TSMAN_ROOT: root },
      cleanUp: () => removeTree(root),
    },
  ];
  if (podman !== undefined) {
    await podman.run(store, "pull", "--quiet", "--tls-verify=false", image);
    const save = podman.command(store, "save", "--quiet", "--output", archive, image);
    saves.push({ name: "podman", argv: save, cleanUp });
    loads.push({
      name: "podman",
      argv: podman.command("loaded-podman", "load", "--quiet", "--input", archive),
      cleanUp: () => podman.removeStore("loaded-podman"),
    });
  }
  const saved = await alternate(saves, effort);
  await execute(tsman, ["save", "--quiet", "--output", archive, image]);
  const loaded = await alternate(loads, effort);
  await cleanUp();
  return [
    compare("save as docker-archive", "≤ 0.7", saved),
    compare("load of it", "≤ 0.7", loaded),
  ];
}

/** `images` with five hundred of them. */
export async function measureImageList(stage: Stage): Promise<Result> {
  const { tsman, podman, work } = stage;
  const archive = join(work, "many.tar");
  const root = join(work, "many");
  await writeFile(archive, manyImagesArchive());
  const env = { TSMAN_ROOT: root };
  await execute(tsman, ["load", "--quiet", "--input", archive], {
    env: { ...process.env, ...env },
  });
  const candidates: Candidate[] = [{ name: "tsman", argv: [tsman, "images"], env }];
  if (podman !== undefined) {
    await podman.run("many-podman", "load", "--quiet", "--input", archive);
    candidates.push({ name: "podman", argv: podman.command("many-podman", "images") });
  }
  try {
    // Podman takes minutes for one.
    const times = await alternate(candidates, { warmUp: 1, rounds: 25, budget: 60_000 });
    return compare(`images, ${manyImages} of them`, "≤ 1.3", times);
  } finally {
    await rm(archive, { force: true });
    await removeTree(root);
    await podman?.removeStore("many-podman");
  }
}

/** A docker-archive of images that differ in a label and share their only layer. */
function manyImagesArchive(): Buffer {
  const layer = new TarBuilder().file("file", "content").build();
  const { diffId } = layerOf(layer);
  const archive = new TarBuilder().file("layer.tar", layer);
  const manifest = Array.from({ length: manyImages }, (_, index) => {
    const config = `config-${index}.json`;
    const document = {
      architecture: hostArchitecture,
      os: "linux",
      created: new Date(1_700_000_000_000 + index * 1000).toISOString(),
      config: { Labels: { index: String(index) } },
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created_by: "bench" }],
    };
    archive.file(config, JSON.stringify(document));
    return { Config: config, RepoTags: [`localhost/many:${index}`], Layers: ["layer.tar"] };
  });
  return archive.file("manifest.json", JSON.stringify(manifest)).build();
}

interface Memory {
  readonly proportional: number;
  readonly resident: number;
}

/** The largest sums over a command and its descendants, in MiB. */
async function largestMemory(
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<Memory> {
  const running = execute(file, args, { env: { ...process.env, ...env } });
  const root = String(running.child.pid);
  let isOver = false;
  const largest = { proportional: 0, resident: 0 };
  const end = running.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const family = await familyOf(root);
    largest.proportional = Math.max(
      largest.proportional,
      await sumOver(family, proportionalMebibytes),
    );
    largest.resident = Math.max(largest.resident, await sumOver(family, residentMebibytes));
    await delay(10);
  }
  await end;
  return largest;
}

async function sumOver(
  pids: readonly string[],
  size: (pid: string) => Promise<number>,
): Promise<number> {
  // It may have ended since, or be about to: then it has no memory any more.
  const sizes = await Promise.all(pids.map((pid) => size(pid).catch(() => 0)));
  return sizes.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : one), 0);
}

async function familyOf(root: string): Promise<readonly string[]> {
  const parents = new Map<string, string>();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    // The name in it may hold anything but ends with the last parenthesis; proc_pid_stat(5).
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    parents.set(pid, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? "");
  }
  const family = [root];
  for (const member of family) {
    for (const [pid, parent] of parents) if (parent === member) family.push(pid);
  }
  return family;
}
