import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findChild, isAlive, statusOf } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { readonly ExitCode: number; readonly Output: string }[];
}

async function healthOf(id: string): Promise<Health> {
  const format = ["inspect", "--format", "{{json .State.Health}}"];
  return JSON.parse((await store().succeed([...format, id])).stdout) as Health;
}

/** How many checks have been done; those that were interrupted do not count. */
function checksOf(id: string): number {
  const file = join(store().runtimeDir, id, "health");
  // It is written with the first check.
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return Number(/^checks (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** Of the children of a monitor. */
const isCheck = (pid: number): boolean => statusOf(pid).Name === "tsman-monitor";

/** Waits until the container's health is this. */
async function becomes(id: string, status: string): Promise<Health> {
  return await until(`the container to be ${status}`, async () => {
    const health = await healthOf(id);
    return health.Status === status ? health : undefined;
  });
}

describe("a health check", () => {
  it("says starting, unhealthy after its retries, and healthy after a success", async () => {
    await using container = await background(store(), [
      ..."--health-interval 200ms --health-retries 2 --health-cmd".split(" "),
      "test -e /ok || { echo 'not there'; exit 3; }",
    ]);
    const sick = await becomes(container.id, "unhealthy");
    expect(sick.FailingStreak).toBeGreaterThanOrEqual(2);
    expect(sick.Log.at(-1)).toMatchObject({ ExitCode: 3, Output: "not there\n" });
    expect((await store().succeed(["ps"])).stdout).toContain("(unhealthy)");
    await store().succeed(["exec", container.id, "touch", "/ok"]);
    const well = await becomes(container.id, "healthy");
    expect(well.FailingStreak).toBe(0);
    expect(well.Log.length).toBeLessThanOrEqual(5);
    expect((await store().succeed(["ps"])).stdout).toContain("(healthy)");
  });

  it("runs as the container does: its user, directory, environment and isolation", async () => {
    await using container = await background(store(), [
      ..."-u 1234:5678 -w /tmp -e WHO=me --health-interval 200ms --health-cmd".split(" "),
      "echo $(id -u):$(id -g) $(pwd) $WHO $(grep -E 'NoNewPrivs|Seccomp:|CapEff' /proc/self/status)",
    ]);
    const { Log } = await becomes(container.id, "healthy");
    const own = await store().succeed([
      "exec",
      container.id,
      "sh",
      "-c",
      "echo $(id -u):$(id -g) $(pwd) $WHO $(grep -E 'NoNewPrivs|Seccomp:|CapEff' /proc/self/status)",
    ]);
    expect(Log.at(-1)?.Output).toBe(own.stdout);
    expect(own.stdout).toMatch(/^1234:5678 \/tmp me .*Seccomp: 2/);
  });

  it("is killed when it takes too long, and counts as failed", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-timeout 200ms --health-retries 1".split(" "),
      ..."--health-cmd".split(" "),
      '["sleep","1000"]',
    ]);
    const { Log } = await becomes(container.id, "unhealthy");
    expect(Log[0]).toMatchObject({ ExitCode: -1, Output: "the check took longer than 200 ms" });
  });

  it("that cannot be executed is a failure that says why", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-retries 1 --health-cmd".split(" "),
      '["no-such-program"]',
    ]);
    const { Log } = await becomes(container.id, "unhealthy");
    expect(Log[0]).toMatchObject({ ExitCode: 127 });
    expect(Log[0]?.Output).toContain("No such file or directory");
  });

  it("forgives failures within the start period, and no success", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-retries 1 --health-start-period 1h".split(" "),
      ..."--health-cmd".split(" "),
      "test -e /ok",
    ]);
    await until("checks to have failed", async () => {
      const health = await healthOf(container.id);
      return health.Log.length >= 3 || undefined;
    });
    expect(await healthOf(container.id)).toMatchObject({ Status: "starting", FailingStreak: 0 });
    await store().succeed(["exec", container.id, "touch", "/ok"]);
    await becomes(container.id, "healthy");
    await store().succeed(["exec", container.id, "rm", "/ok"]);
    await becomes(container.id, "unhealthy");
  });

  it("waits for the startup check", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-cmd true --health-startup-interval 100ms".split(" "),
      ..."--health-startup-success 2 --health-startup-cmd".split(" "),
      "test -e /up && echo up",
    ]);
    await until("the startup check to have failed", async () => {
      const health = await healthOf(container.id);
      return health.Log.length >= 2 || undefined;
    });
    expect((await healthOf(container.id)).Status).toBe("starting");
    await store().succeed(["exec", container.id, "touch", "/up"]);
    await becomes(container.id, "healthy");
  });

  it("writes an event when the health changes", async () => {
    await using container = await background(
      store(),
      "--health-interval 100ms --health-retries 1 --health-cmd false".split(" "),
    );
    await becomes(container.id, "unhealthy");
    const { stdout } = await store().succeed(
      "events --stream=false --filter event=health_status".split(" "),
    );
    expect(stdout).toContain(container.id);
    expect(stdout).toContain("unhealthy");
  });

  it("that a pause interrupts counts as nothing, and who asked for it is told", async () => {
    await using container = await background(store(), [
      ..."--cgroups disabled --health-interval 100ms --health-timeout 30s".split(" "),
      ..."--health-retries 1 --health-cmd".split(" "),
      "test ! -e /hold || { touch /held; sleep 1000; }",
    ]);
    const monitor = Number(statusOf(container.pid).PPid);
    const root = `/proc/${container.pid}/root`;
    await becomes(container.id, "healthy");
    await store().succeed(["exec", container.id, "touch", "/hold"]);
    await until("a check to hang", () => existsSync(`${root}/held`) || undefined);
    const asked = store().run(["healthcheck", "run", container.id]);
    await store().succeed(["pause", container.id]);
    await until(
      "the check to be gone",
      () => findChild(monitor, isCheck) === undefined || undefined,
    );
    const { status, stderr } = await asked;
    expect(stderr).toContain("it is paused");
    expect(status).toBe(125);
    rmSync(`${root}/hold`);
    const before = checksOf(container.id);
    await store().succeed(["unpause", container.id]);
    await until("another check", () => checksOf(container.id) > before || undefined);
    expect((await healthOf(container.id)).Log.filter(({ ExitCode }) => ExitCode !== 0)).toEqual([]);
    const { stdout } = await store().succeed(
      "events --stream=false --filter event=health_status".split(" "),
    );
    expect(stdout.split("\n").filter((line) => line.includes(container.id))).toHaveLength(1);
  });

  it("leaves no process when the container ends in the middle of it", async () => {
    await using container = await background(
      store(),
      "--health-interval 100ms --health-cmd".split(" ").concat("sleep 1000"),
    );
    const monitor = Number(statusOf(container.pid).PPid);
    const check = await until("the check to run", () => findChild(monitor, isCheck));
    await store().succeed(["stop", "--time", "0", container.id]);
    await until("the check to be gone", () => !isAlive(check) || undefined);
  });
});

describe("--health-on-failure", () => {
  const failing = "--health-interval 100ms --health-retries 1 --health-cmd false".split(" ");

  it("kill kills the container", async () => {
    await using container = await background(store(), [
      ...failing,
      ..."--health-on-failure kill".split(" "),
    ]);
    expect((await store().succeed(["wait", container.id])).stdout).toBe("137\n");
  });

  it("stop sends the stop signal", async () => {
    await using container = await background(
      store(),
      [
        ..."--health-interval 100ms --health-retries 1 --health-on-failure stop".split(" "),
        // Not before the trap is there.
        ..."--restart always --health-cmd".split(" "),
        "test ! -e /up",
      ],
      ["sh", "-c", "trap 'exit 7' TERM; touch /up; while :; do sleep 0.05; done"],
    );
    expect((await store().succeed(["wait", container.id])).stdout).toBe("7\n");
  });

  it("restart starts it again, without any restart policy", async () => {
    await using container = await background(
      store(),
      [...failing, ..."--health-on-failure restart --stop-timeout 0".split(" ")],
      ["sh", "-c", "echo life; sleep 1000"],
    );
    await until("a second life", async () => {
      const { stdout } = await store().succeed(["logs", container.id]);
      return stdout.startsWith("life\nlife\n") || undefined;
    });
    await store().run(["rm", "--force", "--time", "0", container.id]);
  });

  it("restart cannot be combined with --rm", async () => {
    const { status, stderr } = await store().run(
      "run --rm --health-cmd true --health-on-failure restart busybox true".split(" "),
    );
    expect(status).toBe(125);
    expect(stderr).toContain("use --rm");
  });
});

describe("healthcheck run", () => {
  it("checks at once, and its status says how the container is", async () => {
    await using container = await background(store(), [
      ..."--health-interval disable --health-cmd".split(" "),
      "test ! -e /sick || { echo 'feeling sick'; exit 1; }",
    ]);
    const well = await store().run(["healthcheck", "run", container.id]);
    expect(well).toMatchObject({ status: 0, stdout: "", stderr: "" });
    await store().succeed(["exec", container.id, "touch", "/sick"]);
    const sick = await store().run(["healthcheck", "run", container.id]);
    expect(sick.status).toBe(1);
    expect(sick.stderr).toBe("unhealthy: feeling sick\n");
    expect((await healthOf(container.id)).Log).toHaveLength(2);
  });

  it("is refused without a health check, and for a container that does not run", async () => {
    await using container = await background(store(), "");
    const without = await store().run(["healthcheck", "run", container.id]);
    expect(without.status).toBe(125);
    expect(without.stderr).toContain("it has no health check");
    await store().succeed(["stop", "--time", "0", container.id]);
    const over = await store().run(["healthcheck", "run", container.id]);
    expect(over.status).toBe(125);
    expect(over.stderr).toContain("it does not run");
  });
});

describe("a hostile health check", () => {
  it("that floods its output costs no memory, and 500 bytes are kept", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-retries 1 --health-cmd".split(" "),
      "dd if=/dev/zero bs=1M count=64 2>/dev/null; exit 4",
    ]);
    const { Log } = await becomes(container.id, "unhealthy");
    expect(Log[0]).toMatchObject({ ExitCode: 4, Output: "\0".repeat(500) });
    const monitor = statusOf(Number(statusOf(container.pid).PPid));
    expect(Number.parseInt(monitor.VmHWM ?? "", 10)).toBeLessThan(1536);
  });

  it("that leaves processes behind does not keep the next one from running", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-cmd".split(" "),
      "sleep 1000 & echo left",
    ]);
    await until("several checks to be done", () => checksOf(container.id) >= 3 || undefined);
    expect((await healthOf(container.id)).Status).toBe("healthy");
  });
});

describe("update", () => {
  const create = async (...options: readonly string[]): Promise<string> => {
    const words = ["create", "--network", "none", ...options, "busybox", "sleep", "1000"];
    return (await store().succeed(words)).stdout.trim();
  };

  it("gives a container that does not run a check, changes and removes it", async () => {
    const id = await create();
    await store().succeed(["update", "--health-cmd", "true", "--health-interval", "200ms", id]);
    await store().succeed(["start", id]);
    await becomes(id, "healthy");
    await store().succeed(["stop", "--time", "0", id]);
    await store().succeed(["update", "--health-cmd", "false", "--health-retries", "1", id]);
    const format = ["inspect", "--format", "{{json .Config.Healthcheck}}", id];
    expect(JSON.parse((await store().succeed(format)).stdout)).toMatchObject({
      ...{ Test: ["CMD-SHELL", "false"], Interval: 200_000_000, Retries: 1 },
    });
    await store().succeed(["start", id]);
    await becomes(id, "unhealthy");
    await store().succeed(["stop", "--time", "0", id]);
    await store().succeed(["update", "--no-healthcheck", id]);
    expect((await store().succeed(format)).stdout).not.toContain("CMD-SHELL");
    await store().succeed(["rm", id]);
  });

  it("changes numbers at once while it runs", async () => {
    await using container = await background(store(), [
      ..."--health-interval 1h --health-retries 1000 --health-cmd".split(" "),
      "exit 7",
    ]);
    const update = "update --health-interval 100ms --health-retries 2 --health-on-failure kill";
    const { stderr } = await store().succeed([...update.split(" "), container.id]);
    expect(stderr).toBe("");
    const { stdout } = await store().succeed(["wait", container.id]);
    expect(stdout).toBe("137\n");
  });

  it("says what counts only from the next start", async () => {
    await using container = await background(store(), [
      ..."--health-interval 100ms --health-cmd".split(" "),
      "true",
    ]);
    await becomes(container.id, "healthy");
    const { stderr } = await store().succeed(["update", "--health-cmd", "false", container.id]);
    expect(stderr).toContain("the new one counts from its next start");
    const late = ["update", "--health-on-failure", "restart", container.id];
    expect((await store().succeed(late)).stderr).toContain("from its next start");
    await store().succeed(["restart", "--time", "0", container.id]);
    await until("the container to be restarted by its check", async () => {
      const format = ["inspect", "--format", "{{.RestartCount}}", container.id];
      return Number((await store().succeed(format)).stdout) > 0 ? true : undefined;
    });
  });

  it("refuses numbers for no check, and restarts of what is removed", async () => {
    const id = await create("--rm");
    const bare = await store().run(["update", "--health-interval", "1s", id]);
    expect(bare.status).toBe(125);
    expect(bare.stderr).toContain("--health-cmd");
    const restart = ["update", "--health-cmd", "true", "--health-on-failure", "restart", id];
    expect((await store().run(restart)).stderr).toContain("no check can restart what --rm removes");
    expect((await store().run(["update", "--restart", "always", id])).stderr).toContain("--rm");
    expect((await store().run(["update", id])).stderr).toContain("nothing is to be changed");
    const off = await create("--no-healthcheck");
    expect((await store().run(["update", "--health-retries", "3", off])).stderr).toContain(
      "has no health check",
    );
    await store().succeed(["rm", id, off]);
  });
});
