import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asUser } from "../run/as-user.ts";
import { runToEnd } from "../run/child.ts";
import { claimMachine, makeOrdinaryUser, removeOrdinaryUser } from "../run/ordinary-user.ts";
import { startRegistry } from "../run/registry.ts";
import { removeTree } from "../run/remove-tree.ts";
import { readableTree, root } from "../run/tree.ts";
import { measureBundle } from "./bundles.ts";
import { measureArchives, measureImageList, measureLayeredPull, measurePush } from "./images.ts";
import { measureExec, measureList, measureRunning, measureStartsAtOnce } from "./living.ts";
import { enterMountNamespace, type MachineFacts, machineFacts, prepareMachine } from "./machine.ts";
import { buildStopwatch } from "./measure.ts";
import {
  measureMonitor,
  measurePull,
  measureStarts,
  measureThroughput,
  type Result,
  type Stage,
} from "./measurements.ts";
import { findPodman } from "./podman.ts";

const usage = `bin/node test/bench/run.ts [--json] [--only NAME,…]

Measures tsman against Podman, where that is installed, and against what no container runner on Node
can go below: medians and ratios, all in one run, in alternation.  Started as root it works as an
ordinary user that is made for the purpose, and removed.  --only measures some things: starts, bundle, memory,
exec, many at once, memory of many, lists, pull, throughput, layered pull, push, archives, images.  Takes
ten to twenty minutes.`;

interface Report {
  readonly machine: MachineFacts;
  readonly podman: string | undefined;
  readonly results: readonly Result[];
}

const stop = new AbortController();
const { signal } = stop;
/** What a run makes and undoes. */
await using cleanUp = new AsyncDisposableStack();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      only: { type: "string" },
      // By which root hands over to the ordinary user: the directory to work in.
      work: { type: "string" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  if (values.work !== undefined) return await measure(values.work, values.only);
  const only = values.only === undefined ? [] : ["--only", values.only];
  const report = process.getuid?.() === 0 ? await measureAsRoot(only) : await measureAsCaller(only);
  if (typeof report === "number") return report;
  console.log(values.json ? JSON.stringify(report, undefined, 2) : table(report));
  return 0;
}

async function measureAsRoot(only: readonly string[]): Promise<Report | number> {
  const status = enterMountNamespace();
  if (status !== undefined) return status;
  cleanUp.use(await claimMachine(signal));
  const work = await mkdtemp("/tmp/t-");
  cleanUp.defer(() => rm(work, { recursive: true, force: true }));
  cleanUp.use(await prepareMachine(work));
  await removeOrdinaryUser();
  const user = await makeOrdinaryUser(work);
  cleanUp.defer(() => removeOrdinaryUser());
  const tree = await readableTree(work, user);
  const { file, args } = asUser(user, join(tree, "bin/node"), [
    join(tree, "test/bench/run.ts"),
    ...only,
    "--work",
    join(work, "t"),
  ]);
  const env = environment(user.home, user.runtimeDir);
  return await reportOf(await runToEnd(file, args, { cwd: "/", env, signal }), join(work, "t"));
}

async function measureAsCaller(only: readonly string[]): Promise<Report | number> {
  // systemd mounts a tmpfs there that everybody may write; elsewhere a disk has to do.
  const work = await mkdtemp("/dev/shm/t-");
  cleanUp.defer(() => removeTree(work));
  for (const name of ["home", "run"]) await mkdir(join(work, name), { mode: 0o700 });
  const status = await runToEnd(
    join(root, "bin/node"),
    [join(root, "test/bench/run.ts"), ...only, "--work", work],
    { cwd: "/", env: environment(join(work, "home"), join(work, "run")), signal },
  );
  return await reportOf(status, work);
}

/** A fresh user's: no store, no cache, no configuration. */
function environment(home: string, runtimeDir: string) {
  return { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: runtimeDir, LC_ALL: "C.UTF-8" };
}

async function reportOf(status: number, work: string): Promise<Report | number> {
  if (status !== 0) return status;
  return JSON.parse(await readFile(join(work, "report.json"), "utf8")) as Report;
}

/** As the ordinary user: measures, leaves `report.json` in `work`. */
async function measure(work: string, only: string | undefined): Promise<number> {
  const wanted = only?.split(",");
  const machine = await machineFacts();
  say("building the images, filling the registry");
  await buildStopwatch(work);
  const served = join(work, "served");
  await mkdir(served);
  const recipes = ["busybox", "big", "layered"];
  await using registry = await startRegistry(served, signal, recipes);
  const podman = await findPodman(work);
  const stage: Stage = {
    tsman: join(root, "bin/tsman"),
    podman,
    registry: registry.address,
    work,
  };
  if (podman === undefined) say("podman is not installed: tsman alone");
  else {
    const image = `${registry.address}/busybox`;
    await podman.run("podman", "pull", "--quiet", "--tls-verify=false", image);
    await podman.run("podman", "tag", image, "localhost/busybox");
  }
  // The first use of a store adopts the embedded image.
  await runToEnd(stage.tsman, ["run", "--rm", "--network", "none", "busybox", "true"], {
    cwd: "/",
    signal,
  });
  const results: Result[] = [];
  for (const [what, step] of [
    ["starts", async () => results.push(...(await measureStarts(stage)))],
    ["bundle", async () => results.push(...(await measureBundle(stage)))],
    ["memory", async () => results.push(await measureMonitor(stage))],
    ["exec", async () => results.push(await measureExec(stage))],
    ["many at once", async () => results.push(await measureStartsAtOnce(stage))],
    ["memory of many", async () => results.push(...(await measureRunning(stage)))],
    ["lists", async () => results.push(...(await measureList(stage)))],
    ["pull", async () => results.push(await measurePull(stage))],
    ["throughput", async () => results.push(await measureThroughput(stage))],
    ["layered pull", async () => results.push(...(await measureLayeredPull(stage)))],
    [
      "push",
      async () => {
        const work = join(stage.work, "pushed");
        await mkdir(work);
        await using target = await startRegistry(work, signal, []);
        results.push(await measurePush(stage, target));
      },
    ],
    ["archives", async () => results.push(...(await measureArchives(stage)))],
    ["images", async () => results.push(await measureImageList(stage))],
  ] as const) {
    signal.throwIfAborted();
    if (wanted !== undefined && !wanted.includes(what)) continue;
    say(`measuring: ${what}`);
    const known = results.length;
    await step();
    for (const result of results.slice(known)) say(row(result));
  }
  const report: Report = { machine, podman: podman?.version, results };
  await writeFile(join(work, "report.json"), JSON.stringify(report, plain));
  await podman?.removeStore("podman");
  return 0;
}

/** Maps are objects in JSON. */
function plain(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function table({ machine, podman, results }: Report): string {
  const lines = [
    `${machine.date}, ${machine.cpus} × ${machine.cpu}, Linux ${machine.kernel}, ` +
      `Node.js ${machine.node}, ${podman === undefined ? "no Podman" : `Podman ${podman}`}, ` +
      `load ${machine.load.toFixed(1)}; medians`,
    "",
  ];
  lines.push(...results.map(row));
  return lines.join("\n");
}

function row({ what, unit, medians, ratio, target }: Result): string {
  const digits = unit === "MiB" ? 2 : 0;
  const values = Object.entries(medians).map(([name, value]) => `${name} ${value.toFixed(digits)}`);
  const goal = target === undefined ? "" : `(target ${target})`;
  const compared = ratio === undefined ? "" : `ratio ${ratio.toFixed(2)}`;
  return [`${what}, ${unit}:`, values.join(", "), compared, goal].filter(Boolean).join("  ");
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`test/bench/run.ts: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
