import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findLiveInit } from "../../src/container/liveness.ts";
import { type MonitorCommand, sendMonitorCommand } from "../../src/container/monitor-control.ts";
import { Tsman } from "../../src/engine/index.ts";
import { tryLockFile } from "../../src/platform/file-lock.ts";
import { Database } from "../../src/store/database.ts";
import { LayerDirectory } from "../../src/store/layers.ts";
import { commandLineOf, findProcesses } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { tsmanPath, useStore } from "./support.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--all"]);
  expect(readdirSync(join(store().root, "containers"))).toEqual([]);
  expect(readdirSync(store().runtimeDir)).toEqual([]);
});

async function create(name: string, command: string): Promise<string> {
  const { stdout } = await store().succeed([
    ...["create", "--name", name, "--network", "none", "busybox", "sh", "-c", command],
  ]);
  return stdout.trim();
}

/** Processes whose command line says so, in whichever container they are. */
function processesWith(word: string): readonly number[] {
  return findProcesses((pid) => commandLineOf(pid).some((argument) => argument.includes(word)));
}

/** Waits for one process with that word: an init has its parent's until it executes the program. */
async function oneIsLeftWith(word: string): Promise<void> {
  await until(`one process with ${word}`, () => processesWith(word).length === 1 || undefined);
}

/**
 * Removes the one container as its root file system is put together, as a command does that is
 * between the files and the record, or was killed there.
 */
function removeAtRootfs(name: string, isKilled: boolean): Disposable {
  const { diffPath } = LayerDirectory.prototype;
  return vi.spyOn(LayerDirectory.prototype, "diffPath").mockImplementation(function (
    this: LayerDirectory,
    ...layer
  ) {
    const [id] = readdirSync(join(store().root, "containers"));
    const directory = join(store().root, "containers", id ?? "");
    if (id !== undefined && existsSync(join(directory, "config.json"))) {
      const lock = tryLockFile(join(store().runtimeDir, id, "lock"));
      rmSync(directory, { recursive: true });
      const removeRecord = () => {
        lock?.release();
        execFileSync(tsmanPath, ["rm", name], { env: store().environment(), stdio: "ignore" });
      };
      // As late as the start goes on by itself.
      if (isKilled) lock?.release();
      else setTimeout(removeRecord);
    }
    return diffPath.apply(this, layer);
  });
}

describe("commands that work on one container at once", () => {
  it("several starts start it once", async () => {
    const mark = `once-${process.pid}`;
    await create("one", `echo life; sleep 1000; : ${mark}`);
    const results = await Promise.all(
      Array.from({ length: 6 }, () => store().run(["start", "one"])),
    );
    expect(results.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      results.map(() => ({ status: 0, stderr: "" })),
    );
    await oneIsLeftWith(mark);
    const logs = await until("its output", async () => {
      const { stdout } = await store().succeed(["logs", "one"]);
      return stdout === "" ? undefined : stdout;
    });
    expect(logs).toBe("life\n");
  });

  it("rm --force against start leaves the container running or gone, and nothing else", async () => {
    for (let round = 0; round < 6; round += 1) {
      const mark = `raced-${process.pid}-${round}`;
      await create("raced", `sleep 1000; : ${mark}`);
      const [first, removal, second] = await Promise.all([
        store().run(["start", "raced"]),
        store().run(["rm", "--force", "--time", "0", "raced"]),
        store().run(["start", "raced"]),
      ]);
      expect(removal).toMatchObject({ stderr: "", status: 0 });
      for (const { status, stderr } of [first, second]) {
        if (status !== 0)
          expect(stderr).toMatch(/no such container|another command has removed it/);
      }
      expect(processesWith(mark)).toEqual([]);
      expect(readdirSync(join(store().root, "containers"))).toEqual([]);
      // The name is free.
      await store().succeed(["create", "--name", "raced", "busybox"]);
      await store().succeed(["rm", "raced"]);
    }
  });

  it("rm --force against run never leaves a container without a record", async () => {
    for (let round = 0; round < 4; round += 1) {
      const mark = `run-${process.pid}-${round}`;
      const running = store().run([
        ...["run", "--detach", "--name", "fresh", "--network", "none"],
        ...["busybox", "sh", "-c", `sleep 1000; : ${mark}`],
      ]);
      await store().run(["rm", "--force", "--time", "0", "fresh"]);
      const { status } = await running;
      const names = await store().succeed(["ps", "--all", "--format", "{{.Names}}"]);
      expect(processesWith(mark)).toHaveLength(names.stdout === "fresh\n" ? 1 : 0);
      if (status === 0 && names.stdout === "") expect(processesWith(mark)).toEqual([]);
      await store().succeed(["rm", "--force", "--time", "0", "fresh"]);
      expect(processesWith(mark)).toEqual([]);
    }
  });

  it("a container that is removed as soon as it has a record is not run", async () => {
    const mark = `entered-${process.pid}`;
    const { run } = Database.prototype;
    using entering = vi.spyOn(Database.prototype, "run").mockImplementation(function (
      this: Database,
      sql,
      ...values
    ) {
      const changes = run.call(this, sql, ...values);
      if (sql.includes("INSERT INTO containers")) {
        const environment = store().environment();
        execFileSync(tsmanPath, ["rm", "--force", "entered"], {
          env: environment,
          stdio: "ignore",
        });
      }
      return changes;
    });
    await using tsman = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
    const options = { command: ["sh", "-c", `sleep 1000; : ${mark}`], name: "entered" };
    const starting = tsman.containers.run("localhost/busybox", { ...options, network: "none" });
    await expect(starting).rejects.toThrow("another command has removed it meanwhile");
    expect(entering).toHaveBeenCalled();
    expect(processesWith(mark)).toEqual([]);
  });

  it.each([
    ["removes it", false],
    ["was killed when it had removed its files", true],
  ])("a container is not run when another command %s", async (_, isKilled) => {
    using _removing = removeAtRootfs("half", isKilled);
    await using tsman = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
    const options = { command: ["true"], name: "half" };
    const starting = tsman.containers.run("localhost/busybox", { ...options, network: "none" });
    await expect(starting).rejects.toMatchObject({
      code: "RUNTIME_FAILED",
      message: "run container half: another command has removed it before it ran",
    });
  });

  it.each([
    ["removes it", false, "find container half: another command has removed it"],
    [
      "was killed when it had removed its files",
      true,
      "initialize container half: its files are gone, as after a removal that was killed",
    ],
  ])("a container is not initialized when another command %s", async (_, isKilled, message) => {
    await create("half", "true");
    using _removing = removeAtRootfs("half", isKilled);
    await using tsman = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
    await expect(tsman.containers.init("half")).rejects.toMatchObject({ message });
  });

  it("two --replace of one name leave one container", async () => {
    const mark = `replaced-${process.pid}`;
    const replace = () =>
      store().run([
        ...[
          "run",
          "--detach",
          "--replace",
          "--stop-timeout",
          "0",
          "--name",
          "only",
          "--network",
          "none",
        ],
        ...["busybox", "sh", "-c", `sleep 1000; : ${mark}`],
      ]);
    const results = await Promise.all([replace(), replace(), replace()]);
    expect(results.some(({ status }) => status === 0)).toBe(true);
    const { stdout } = await store().succeed(["ps", "--all", "--format", "{{.Names}} {{.State}}"]);
    expect(stdout).toBe("only running\n");
    await oneIsLeftWith(mark);
  });

  it("restart against restart ends with one running container", async () => {
    const mark = `restarted-${process.pid}`;
    await create("twice", `sleep 1000; : ${mark}`);
    await store().succeed(["start", "twice"]);
    const restart = () => store().run(["restart", "--time", "0", "twice"]);
    const results = await Promise.all([restart(), restart(), restart()]);
    expect(results.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      results.map(() => ({ status: 0, stderr: "" })),
    );
    await oneIsLeftWith(mark);
  });
});

/** Starts a container whose set-up lasts until `goOn` is called: as long as another command likes. */
async function startSlowly(name: string) {
  const tsman = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
  const held = Promise.withResolvers<void>();
  const started = tsman.containers.start(name, {
    ...{ stdin: 0, stdout: 1, stderr: 2 },
    beforeStart: async () => await held.promise,
  });
  // It is waited for later.
  started.catch(() => undefined);
  return {
    goOn: held.resolve,
    started,
    [Symbol.asyncDispose]: async () => await tsman[Symbol.asyncDispose](),
  };
}

/** Resolves when the monitor has taken what was said in its fifo before: it looks there first. */
async function tell(id: string, command: MonitorCommand): Promise<void> {
  const runDir = join(store().runtimeDir, id);
  await until("its init", () => findLiveInit(runDir));
  expect(sendMonitorCommand(runDir, command)).toBe(true);
  // The path of a socket may be too long for its address.
  const link = join("/tmp", `tsman-race-${process.pid}`);
  symlinkSync(runDir, link);
  try {
    const client = connect(join(link, "attach"));
    await once(client, "data");
    client.destroy();
  } finally {
    unlinkSync(link);
  }
}

describe("what a container is told before its program runs", () => {
  it.each<[string, MonitorCommand, string]>([
    ["stop --time 0", { kind: "stop", signal: 9, milliseconds: 0 }, "137"],
    ["kill", { kind: "signal", signal: 9 }, "137"],
    ["a stop signal", { kind: "stop", signal: 15, milliseconds: 1000 }, "137"],
  ])("%s comes after its start, which does not fail", async (_, command, status) => {
    const id = await create("early", "sleep 1000");
    await using start = await startSlowly("early");
    await tell(id, command);
    start.goOn();
    const session = await start.started;
    expect(await session?.exited).toEqual({ status: Number(status) });
    expect((await store().succeed(["inspect", "--format", "{{.State.ExitCode}}", id])).stdout).toBe(
      `${status}\n`,
    );
  });

  it("a start that goes on too long for who wants the end fails, and says why", async () => {
    const id = await create("early", "sleep 1000");
    await using start = await startSlowly("early");
    await tell(id, { kind: "stop", signal: 9, milliseconds: 0 });
    await expect(start.started).rejects.toThrow(
      "start container: another command has ended it before its program ran",
    );
    start.goOn();
    const { stdout } = await store().succeed(["ps", "--all", "--format", "{{.State}}"]);
    expect(stdout).toBe("created\n");
  });
});
