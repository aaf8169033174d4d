import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, onTestFailed } from "vitest";
import { childrenOf } from "../support/proc.ts";
import { within } from "../support/wait.ts";
import { registry, TestStore } from "./support.ts";
import { directoriesOf, expectNothingRuns } from "./traces.ts";

// S104: several commands at once, killed anywhere, find and leave nothing half-done.

/** TSMAN_TEST_SEED repeats a run, as far as the scheduler lets it. */
const seed = Number(process.env.TSMAN_TEST_SEED ?? Date.now() % 2 ** 31);
const points = Number(process.env.TSMAN_TEST_CHAOS_POINTS ?? 100);
/** Milliseconds after which no operation is begun any more: a slow machine gets fewer points. */
const budget = 100_000;
const lanes = 4;
/** Milliseconds from the beginning of an operation to the last point at which it is struck. */
const longest = 900;

/** Mulberry32: numbers in [0, 1) that are the same for the same seed. */
function generator(state: number): () => number {
  let now = state;
  return () => {
    now = (now + 0x6d2b79f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** Few names, so that operations meet. */
const names = ["a", "b", "c"];

function operation(): readonly string[] {
  const name = pick(names);
  const image = `${registry()}/${pick(["whiteouts", "hardlinks"])}`;
  return pick([
    () => "run --rm --network none busybox true".split(" "),
    () => `run --rm --name ${name} busybox true`.split(" "),
    () => `run --rm --network none -v /data busybox touch /data/new`.split(" "),
    () => `run -d --rm --network none busybox sleep 0.2`.split(" "),
    () => `run -d --stop-timeout 0 --name ${name} busybox sleep 1000`.split(" "),
    () =>
      `run -d --replace --stop-timeout 0 --name ${name} --network none busybox sleep 1000`.split(
        " ",
      ),
    () => `create --name ${name} --network none busybox sleep 1000`.split(" "),
    () => ["start", name],
    () => ["stop", "--time", "0", name],
    () => ["rm", "--force", "--time", "0", name],
    () => ["exec", name, "true"],
    () => ["commit", name, `localhost/of-${name}`],
    () => ["pull", "--quiet", image],
    () => ["pull", "--quiet", image],
    () => ["rmi", "--force", image],
  ])();
}

/** A process of the command itself, or the monitor of some container. */
function victim(store: TestStore, pid: number): number {
  const kind = random();
  if (kind < 0.5) return pid;
  try {
    if (kind < 0.75) {
      const below = childrenOf(pid);
      const all = [...below, ...below.flatMap(childrenOf)];
      return all.length === 0 ? pid : pick(all);
    }
    const ids = readdirSync(store.runtimeDir);
    const file = pick(["monitor", "init"]);
    const [found = ""] = readFileSync(join(store.runtimeDir, pick(ids), file), "utf8").split(" ");
    return Number(found) > 1 ? Number(found) : pid;
  } catch {
    // It has ended meanwhile, or there is none.
    return pid;
  }
}

/** How often something was killed. */
let struck = 0;

async function killSomewhere(store: TestStore): Promise<string> {
  const args = operation();
  // Where in the operation: most last some hundred milliseconds.  A third are left in peace, so that
  // there is something to be killed.
  const isStruck = random() < 0.66;
  const moment = isStruck ? random() * longest : Number.POSITIVE_INFINITY;
  const command = store.start(args);
  command.endInput();
  const over = new AbortController();
  const strike = async (): Promise<void> => {
    try {
      await delay(moment, undefined, { signal: over.signal });
      process.kill(victim(store, command.pid), "SIGKILL");
      struck += 1;
    } catch {
      // It has ended before.
    }
  };
  const striking = isStruck ? strike() : undefined;
  const line = `${args.join(" ")} @ ${moment.toFixed(0)}`;
  const { signal, status, stderr } = await within(60_000, `the end of ${line}`, command.ended);
  over.abort();
  await striking;
  return `${line} → ${signal ?? status} ${stderr}`.trimEnd();
}

it(`survives kill -9 at ${points} points, seed ${seed}`, async () => {
  await using store = await TestStore.create();
  await store.succeed("run --rm --network none busybox true".split(" "));
  const journal: string[] = [];
  onTestFailed(() => {
    process.stderr.write(`chaos, seed ${seed}:\n${journal.join("\n")}\n`);
  });
  const end = performance.now() + budget;
  const lane = async (): Promise<void> => {
    while (struck < points && performance.now() < end) {
      journal.push(await killSomewhere(store));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  expect(struck).toBeGreaterThan(Math.min(points, lanes * 5) - 1);
  // Whatever was killed beside a command, it knows what to say.
  expect(journal.filter((line) => line.includes("defect of tsman"))).toEqual([]);

  // What is left of the commands sees that nobody waits for it.
  const repaired = await store.run("system check --repair --max 0s".split(" "));
  journal.push(repaired.stdout, repaired.stderr);
  expect(repaired.status).toBe(0);
  const listed = await store.succeed(["ps", "--all", "--format", "{{.Names}}"]);
  for (const name of listed.stdout.split("\n").filter(Boolean)) {
    expect([...names, "_"].some((known) => name.includes(known))).toBe(true);
  }
  await store.succeed("rm --force --time 0 --all".split(" "));
  await expectNothingRuns(store);
  expect(directoriesOf(store)).toEqual([]);
  const checked = await store.run("system check --max 0s".split(" "));
  expect(checked).toMatchObject({ stdout: "", stderr: "", status: 0 });
  const fresh = await store.succeed("run --rm busybox echo works".split(" "));
  expect(fresh.stdout).toBe("works\n");
  await store.succeed("rmi --force --all".split(" "));
  const layers = join(store.root, "layers");
  expect(readdirSync(layers).flatMap((key) => readdirSync(join(layers, key)))).toEqual([]);
  expect(readdirSync(join(store.root, "blobs/sha256"))).toEqual([]);
}, 240_000);
