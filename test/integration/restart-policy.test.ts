import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { processEnds } from "../support/pidfd.ts";
import { statusOf } from "../support/proc.ts";
import { fileAppears, until } from "../support/wait.ts";
import { useStore } from "./support.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--all", "--volumes"]);
  // A command that was just about to start one again finds out.
  await until("all run directories to be gone", () =>
    readdirSync(store().runtimeDir).length === 0 ? true : undefined,
  );
});

/** A container in the background with a restart policy; its id. */
async function restarting(policy: string, script: string): Promise<string> {
  const args = ["run", "--detach", "--network", "none", "--restart", policy];
  const { stdout } = await store().succeed([...args, "busybox", "sh", "-c", script]);
  return stdout.trim();
}

interface Inspected {
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Restarting: boolean;
    readonly ExitCode: number | null;
    readonly Pid: number;
  };
  readonly HostConfig: { readonly RestartPolicy: object };
}

async function inspect(id: string): Promise<Inspected> {
  const [container] = JSON.parse((await store().succeed(["inspect", id])).stdout) as [Inspected];
  return container;
}

async function restartsReach(id: string, count: number): Promise<Inspected> {
  return await until(`${count} restarts`, async () => {
    const container = await inspect(id);
    return container.RestartCount >= count ? container : undefined;
  });
}

/** Resolves when the monitor of a container waits before its next start. */
async function isBetweenLives(id: string): Promise<void> {
  await fileAppears(join(store().runtimeDir, id, "restart"));
}

async function linesOfLog(id: string): Promise<number> {
  return (await store().succeed(["logs", id])).stdout.split("\n").filter(Boolean).length;
}

describe("--restart always", () => {
  it("starts the container again and counts it", async () => {
    const id = await restarting("always", "echo life; exit 0");
    await restartsReach(id, 2);
    expect(await linesOfLog(id)).toBeGreaterThanOrEqual(2);
    expect((await inspect(id)).HostConfig.RestartPolicy).toEqual({
      Name: "always",
      MaximumRetryCount: 0,
    });
  });

  it("starts it again when its init is killed from outside", async () => {
    const id = await restarting("always", "sleep 1000");
    const { State } = await inspect(id);
    process.kill(State.Pid, "SIGKILL");
    await processEnds(State.Pid);
    const again = await until("it to run again", async () => {
      const container = await inspect(id);
      return container.State.Running ? container : undefined;
    });
    expect(again.State.Pid).not.toBe(State.Pid);
    expect(again.RestartCount).toBe(1);
  });

  it("is ended by stop, while it runs", async () => {
    const id = await restarting("always", "trap 'exit 0' TERM; sleep 1000 & wait");
    await store().succeed(["stop", id]);
    await nothingHappensTo(id);
  });

  it("is ended by stop between two lives too", async () => {
    const id = await restarting("always", "exit 1");
    await restartsReach(id, 3);
    await isBetweenLives(id);
    await store().succeed(["stop", id]);
    await nothingHappensTo(id);
  });

  it("is ended by kill", async () => {
    const id = await restarting("always", "sleep 1000");
    await store().succeed(["kill", id]);
    await nothingHappensTo(id);
  });

  it("a start begins the count anew", async () => {
    const id = await restarting("always", "test -e /stay && sleep 1000; exit 1");
    await restartsReach(id, 1);
    await store().succeed(["stop", id]);
    const file = join(store().scratch, "stay");
    writeFileSync(file, "");
    await store().succeed(["cp", file, `${id}:/stay`]);
    await store().succeed(["start", id]);
    const { RestartCount, State } = await inspect(id);
    expect({ RestartCount, isRunning: State.Running }).toEqual({
      RestartCount: 0,
      isRunning: true,
    });
  });

  it("can be removed between two lives with --force, and not without", async () => {
    const id = await restarting("always", "exit 1");
    // Its next start waits long enough for commands on a slow machine.
    await restartsReach(id, 5);
    await isBetweenLives(id);
    const { status, stderr } = await store().run(["rm", id]);
    expect(stderr).toContain("about to be started again");
    expect(status).toBe(2);
    await isBetweenLives(id);
    await store().succeed(["rm", "--force", "--time", "0", id]);
    expect(existsSync(join(store().root, "containers", id))).toBe(false);
  });

  it("is restarting between two lives: for ps, its filter, inspect and stop --all", async () => {
    const id = await restarting("always", "exit 6");
    // Its next start waits long enough for commands on a slow machine.
    await restartsReach(id, 6);
    await isBetweenLives(id);
    const { State, RestartCount } = await inspect(id);
    expect(State).toMatchObject({
      ...{ Status: "restarting", Restarting: true, Running: false, ExitCode: 6, Pid: 0 },
    });
    expect(RestartCount).toBeGreaterThanOrEqual(6);
    const format = ["--format", "{{.State}} {{.Status}}", "--filter", "status=restarting"];
    const { stdout } = await store().succeed(["ps", ...format]);
    expect(stdout).toMatch(/^restarting Restarting \(6\) .* ago\n$/);
    expect((await store().succeed("ps --quiet".split(" "))).stdout.trim()).toBe(id.slice(0, 12));
    await store().succeed("stop --all".split(" "));
    expect((await inspect(id)).State).toMatchObject({ Status: "exited", Restarting: false });
  });

  it("is started by start between two lives", async () => {
    const id = await restarting("always", "test -e /stay && exec sleep 1000; exit 1");
    await restartsReach(id, 2);
    const file = join(store().scratch, "stay");
    writeFileSync(file, "");
    await store().succeed(["cp", file, `${id}:/stay`]);
    await store().succeed(["start", id]);
    expect((await inspect(id)).State).toMatchObject({ Running: true, Restarting: false });
  });

  it("goes on in the background when a foreground container ends", async () => {
    const pidFile = join(store().scratch, "foreground");
    const { status, stdout } = await store().run([
      ...["run", "--name", "front", "--network", "none", "--restart", "always"],
      ...["--pidfile", pidFile, "busybox", "sh", "-c", "echo life; exit 4"],
    ]);
    expect({ status, stdout }).toEqual({ status: 4, stdout: "life\n" });
    await restartsReach("front", 1);
    expect(Number(readFileSync(pidFile, "utf8"))).toBeGreaterThan(0);
  });
});

describe("--restart on-failure", () => {
  it("gives up after so many times", async () => {
    const id = await restarting("on-failure:2", "echo life; exit 3");
    await restartsReach(id, 2);
    expect((await store().succeed(["wait", id])).stdout).toBe("3\n");
    await nothingHappensTo(id);
    expect(await linesOfLog(id)).toBe(3);
  });

  it("leaves a container that has succeeded", async () => {
    const id = await restarting("on-failure", "test -e /tried && exit 0; touch /tried; exit 1");
    await restartsReach(id, 1);
    await nothingHappensTo(id);
    expect((await inspect(id)).RestartCount).toBe(1);
  });
});

describe("the option", () => {
  it("excludes --rm", async () => {
    const { status, stderr } = await store().run([
      ..."run --rm --restart always busybox true".split(" "),
    ]);
    expect(stderr).toContain("--rm removes the container");
    expect(status).toBe(125);
    await store().succeed("run --rm --network none --restart no busybox true".split(" "));
  });

  it("can be changed with update, at once if there was a policy before", async () => {
    const id = await restarting("always", "exit 1");
    await restartsReach(id, 1);
    await store().succeed(["update", "--restart", "no", id]);
    await nothingHappensTo(id);
    const { status, stderr } = await store().run(["update", "--memory-swappiness", "1", id]);
    expect(stderr).toContain("--memory-swappiness=1 is not supported");
    expect(status).toBe(125);
  });
});

describe("rm of a container that its policy is about to start again", () => {
  it("is refused also while nobody holds its lock, but not with --force", async () => {
    const id = await restarting("always", "sleep 1000");
    const runDir = join(store().runtimeDir, id);
    const pid = (await inspect(id)).State.Pid;
    const monitor = Number(statusOf(pid).PPid);
    process.kill(monitor, "SIGKILL");
    await processEnds(pid);
    await processEnds(monitor);
    // As the command that a monitor becomes, before it starts the next life.
    const own = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[19];
    writeFileSync(join(runDir, "monitor"), `${process.pid} ${own}\n`);
    expect((await inspect(id)).State.Status).toBe("restarting");
    const refused = await store().run(["rm", id]);
    expect(refused.stderr).toContain("it is about to be started again");
    expect(refused.status).toBe(2);
    await store().succeed(["rm", "--force", id]);
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });
});

/** Waits until the monitor and whatever it has executed are gone; then nobody can start it. */
async function nothingHappensTo(id: string): Promise<void> {
  const runDir = join(store().runtimeDir, id);
  await until("the monitor to be gone", () =>
    existsSync(join(runDir, "monitor")) ? undefined : true,
  );
  const { RestartCount } = await inspect(id);
  // What would decide otherwise decides here, and waits for nothing.
  await store().succeed(["container", "cleanup", id]);
  const after = await inspect(id);
  expect(after.State.Running).toBe(false);
  expect(after.RestartCount).toBe(RestartCount);
}

it("a policy that starts nothing takes no file away that another start may be writing", async () => {
  const id = await restarting(
    "on-failure",
    "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done",
  );
  await until("the trap to be set", async () => (await linesOfLog(id)) > 0 || undefined);
  const runDir = join(store().runtimeDir, id);
  const named = readFileSync(join(runDir, "monitor"), "utf8");
  const ended = processEnds(Number(named.split(" ")[0]));
  // As a start's monitor does, from the moment at which this one decides what comes next.
  const starting = spawn("flock", [join(runDir, "lock"), "cat"], { stdio: "pipe" });
  const left = once(starting, "exit");
  try {
    await store().succeed(["kill", "--signal", "TERM", id]);
    await ended;
    expect(readFileSync(join(runDir, "monitor"), "utf8")).toBe(named);
  } finally {
    starting.kill();
    await left;
  }
  expect((await inspect(id)).State).toMatchObject({ Status: "exited", Restarting: false });
});
