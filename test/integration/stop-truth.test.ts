import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { processEnds } from "../support/pidfd.ts";
import { commandLineOf, findProcesses, isAlive, statusOf } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();
/** Ignores whatever can be ignored. */
const deaf = "trap '' HUP INT QUIT TERM USR1 USR2; while :; do sleep 0.1; done";

function exitFile(id: string): string {
  return readFileSync(join(store().root, "containers", id, "exit"), "utf8");
}

describe("stop", () => {
  it("ends a container whose init ignores everything, after its time-out", async () => {
    await using container = await background(store(), "", ["sh", "-c", deaf]);
    await store().succeed(["stop", "--time", "1", container.id]);
    expect(isAlive(container.pid)).toBe(false);
    expect((await store().succeed(["wait", container.id])).stdout).toBe("137\n");
    expect(exitFile(container.id)).toMatch(/^status 137\nsignal 9\ncore 0\noom 0\nfinished /);
  });

  it("ends what outlives its init in the host's pid namespace, children of children too", async () => {
    const mark = `mark-${process.pid}-${Date.now()}`;
    const nested = `trap '' TERM HUP; sh -c "trap '' TERM HUP; : ${mark}; while :; do sleep 0.1; done" & while :; do sleep 0.1; done`;
    await using container = await background(
      store(),
      ["--pid", "host", "-e", `NESTED=${nested}`],
      ["sh", "-c", 'sh -c "$NESTED" & exec sleep 1000'],
    );
    const marked = (): readonly number[] =>
      findProcesses((pid) => commandLineOf(pid).some((word) => word.includes(mark)));
    const orphans = await until("the processes to be there", () => {
      const found = marked();
      return found.length >= 2 ? found : undefined;
    });
    await store().succeed(["stop", "--time", "1", container.id]);
    expect(orphans.filter((pid) => isAlive(pid))).toEqual([]);
    expect(marked()).toEqual([]);
  });
});

describe("rm --force", () => {
  const polite = "trap 'echo bye > /out/bye; exit 0' TERM; echo up; while :; do sleep 0.1; done";

  it("sends the stop signal first, and waits as long as the container's time-out says", async () => {
    const out = join(store().scratch, "out");
    mkdirSync(out);
    await using asked = await background(store(), `-v ${out}:/out --name asked`, [
      "sh",
      "-c",
      polite,
    ]);
    await until("its trap", async () =>
      (await store().succeed(["logs", "asked"])).stdout === "up\n" ? true : undefined,
    );
    expect((await store().succeed(["rm", "--force", "asked"])).stderr).toBe("");
    expect(isAlive(asked.pid)).toBe(false);
    expect(readFileSync(join(out, "bye"), "utf8")).toBe("bye\n");
  });

  it("kills at once with --time 0, and one that is paused", async () => {
    // Longer than any test may take: whatever waited for it would be noticed.
    await using running = await background(store(), "--stop-timeout 1000", ["sh", "-c", deaf]);
    expect((await store().succeed(["rm", "--force", "--time", "0", running.id])).stderr).toBe("");
    await using paused = await background(store(), "--stop-timeout 1000", ["sh", "-c", deaf]);
    await store().succeed(["pause", paused.id]);
    await store().succeed(["rm", "--force", paused.id]);
    expect([running, paused].filter(({ pid }) => isAlive(pid))).toEqual([]);
  });
});

describe("who resorts to SIGKILL says so", () => {
  it.each([
    ["stop", ["stop", "--time", "1"]],
    ["restart", ["restart", "--time", "1"]],
    ["rm --force", ["rm", "--force", "--time", "1"]],
  ])("%s", async (_, command) => {
    await using container = await background(store(), "--name deaf", ["sh", "-c", deaf]);
    const { stderr } = await store().succeed([...command, "deaf"]);
    expect(stderr).toBe(
      "tsman: warning: StopSignal SIGTERM failed to stop container deaf in 1 seconds, resorting to SIGKILL\n",
    );
    expect(isAlive(container.pid)).toBe(false);
  });

  it("not with --time 0, nor of a program that ends by itself", async () => {
    await using _deaf = await background(store(), "--name deaf", ["sh", "-c", deaf]);
    expect((await store().succeed(["stop", "--time", "0", "deaf"])).stderr).toBe("");
    await using _init = await background(store(), "--init --name init");
    expect((await store().succeed(["stop", "init"])).stderr).toBe("");
  });
});

describe("--timeout", () => {
  it("ends the container when its time is over, whatever it ignores", async () => {
    const { status } = await store().run([
      ..."run --rm --network none --timeout 1 busybox sh -c".split(" "),
      deaf,
    ]);
    expect(status).toBe(137);
  });
});

describe("an exit status", () => {
  it("is never invented: after kill -9 of the monitor it is unknown, not 0", async () => {
    await using container = await background(store(), "");
    const ended = processEnds(container.pid);
    process.kill(Number(statusOf(container.pid).PPid), "SIGKILL");
    await ended;
    const { status, stdout, stderr } = await store().run(["wait", container.id]);
    expect(status).toBe(125);
    expect(stdout).toBe("");
    expect(stderr).toContain("nothing recorded how it ended");
    expect((await store().succeed(["ps", "--all"])).stdout).toContain("Exited (unknown)");
  });

  it("of a kill from outside says that it was a kill, and not why when nobody can tell", async () => {
    await using container = await background(store(), "");
    process.kill(container.pid, "SIGKILL");
    expect((await store().succeed(["wait", container.id])).stdout).toBe("137\n");
    // Where memory.events can be read it says no; else nobody knows.
    expect(exitFile(container.id)).toMatch(/^status 137\nsignal 9\ncore 0\noom (0|unknown)\n/);
  });
});
