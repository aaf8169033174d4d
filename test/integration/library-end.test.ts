import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { isAlive } from "../support/proc.ts";
import { patience, Transcript, until, within } from "../support/wait.ts";
import { projectRoot, TestStore } from "./support.ts";
import { directoriesOf } from "./traces.ts";

interface Started extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts library-worker.ts; the first line of its output says that it is ready. */
function startWorker(store: TestStore, what: string): Started {
  const worker = join(projectRoot, "test/integration/library-worker.ts");
  const child = spawn(process.execPath, [worker, what], {
    env: store.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  return {
    pid: child.pid as number,
    stdout,
    stderr,
    ended,
    kill: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Pids of monitors and inits of all containers of a store. */
function containerProcesses(store: TestStore): readonly number[] {
  return readdirSync(store.runtimeDir).flatMap((id) =>
    ["monitor", "init"].flatMap((name) => {
      try {
        return [Number.parseInt(readFileSync(join(store.runtimeDir, id, name), "utf8"), 10)];
      } catch {
        // It is gone, or is not there yet.
        return [];
      }
    }),
  );
}

describe("a process that has tsman as a library", () => {
  it("takes what it started with it when it is killed, and leaves what is to be kept", async () => {
    await using store = await TestStore.create();
    await using worker = startWorker(store, "several");
    const line = await worker.stdout.until("\n").catch((error: unknown) => {
      throw new Error(`${String(error)}: ${worker.stderr.text}`);
    });
    const started = JSON.parse(line) as readonly { readonly id: string; readonly name: string }[];
    expect(started.map(({ name }) => name).sort()).toEqual([
      "ended",
      "foreign",
      "kept",
      "plain",
      "published",
      "restarted",
    ]);
    const pids = containerProcesses(store);
    // Monitor and init of each that runs.
    expect(pids.filter(isAlive)).toHaveLength(10);
    const kept = started.find(({ name }) => name === "kept")?.id;

    worker.kill("SIGKILL");
    await worker.ended;
    const of = (directory: string): readonly string[] => readdirSync(directory);
    await until("everything but the kept container to be gone", () =>
      of(store.runtimeDir).length === 1 &&
      of(join(store.root, "containers")).length === 1 &&
      of(join(store.root, "volumes")).length === 0 &&
      pids.filter(isAlive).length === 2
        ? true
        : undefined,
    );
    expect(of(store.runtimeDir)).toEqual([kept]);
    const { stdout } = await store.succeed(["ps", "--all", "--format", "{{.Names}}"]);
    expect(stdout).toBe("kept\n");
    expect(of(join(store.root, "gone"))).toEqual([]);
    const events = await store.succeed(
      "events --stream=false --filter container=plain --format {{.Status}}".split(" "),
    );
    expect(events.stdout).toMatch(/died\nremove\n$/);

    await using second = startWorker(store, "kept");
    await second.stdout.until("\n");
    const sessions = join(store.runtimeDir, kept as string, "exec");
    expect(of(sessions)).toHaveLength(1);
    second.kill("SIGKILL");
    await until("its program to be gone", () => (of(sessions).length === 0 ? true : undefined));
    await store.succeed(["rm", "--force", "--time", "0", "kept"]);
  });

  it("keeps what another command has started again, and its clone stays", async () => {
    await using store = await TestStore.create();
    await using worker = startWorker(store, "single");
    await worker.stdout.until("\n");
    const listed = async (): Promise<string> =>
      (await store.succeed(["ps", "--all", "--format", "{{.Names}}", "--sort", "names"])).stdout;
    await store.succeed(["container", "clone", "single", "twin"]);
    await store.succeed(["start", "twin"]);
    await store.succeed("stop --time 0 single twin".split(" "));
    await store.succeed(["start", "single"]);
    await store.succeed("stop --time 0 single".split(" "));
    expect(await listed()).toBe("single\ntwin\n");
    worker.kill("SIGKILL");
    await worker.ended;
    await until("the container to be gone", async () =>
      (await listed()) === "twin\n" ? true : undefined,
    );
  });

  it("ends by itself though it forgot a container, which goes with it", async () => {
    await using store = await TestStore.create();
    await using worker = startWorker(store, "forgotten");
    expect(await within(patience, "the process to end", worker.ended)).toBe(0);
    expect(worker.stderr.text).toBe("");
    await until("the container to be gone", () =>
      directoriesOf(store).length === 0 ? true : undefined,
    );
    expect((await store.succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });

  // Points of a start, not waiting for anything: whichever step is hit, the outcome is the same.
  it.each([0, 15, 30, 45, 60, 75, 100])(
    "leaves nothing when it is killed %i ms into a start",
    async (milliseconds) => {
      await using store = await TestStore.create();
      // Makes the store and unpacks the image.
      await store.succeed("run --rm --network none busybox true".split(" "));
      await using worker = startWorker(store, "forgotten");
      await until("the container to be entered", () =>
        readdirSync(join(store.root, "containers")).length > 0 ? true : undefined,
      );
      await delay(milliseconds);
      worker.kill("SIGKILL");
      await worker.ended;
      await until("its processes to end", () =>
        containerProcesses(store).some(isAlive) ? undefined : true,
      );
      await until("the next command to see nothing", async () =>
        (await store.succeed(["ps", "--all", "--quiet"])).stdout === "" ? true : undefined,
      );
      // A container is in no list any more before its directories are gone.
      await until("its directories to be gone", () =>
        directoriesOf(store).length === 0 ? true : undefined,
      );
    },
  );
});
