import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isAlive, statusOf } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { type Background, background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

/** Where there is a control group, that is frozen; test/integration/root/own-group.test.ts has that. */
const groupless = "--cgroups disabled";

/** Pids of all of its processes, here. */
async function pidsOf(container: Background): Promise<readonly number[]> {
  const { stdout } = await store().succeed(["top", container.id, "hpid"]);
  return stdout.split("\n").slice(1).filter(Boolean).map(Number);
}

function stateOf(pid: number): string {
  return (statusOf(pid).State ?? "").slice(0, 1);
}

const family = ["sh", "-c", "sh -c 'sh -c \"sleep 1000; true\"; true' & sleep 1000 & wait"];

async function withFamily(): Promise<Background> {
  const container = await background(store(), `${groupless} --stop-timeout 0`, family);
  await until("all processes to be there", async () =>
    (await pidsOf(container)).length >= 5 ? true : undefined,
  );
  return container;
}

describe("pause and unpause", () => {
  it("stop every process, and let every one go on", async () => {
    await using container = await withFamily();
    const pids = await pidsOf(container);
    expect((await store().succeed(["pause", container.id])).stdout).toBe(`${container.id}\n`);
    expect(pids.map(stateOf)).toEqual(pids.map(() => "T"));
    await store().succeed(["unpause", container.id]);
    await until("each to wait again", () => pids.every((pid) => stateOf(pid) === "S") || undefined);
    expect(await pidsOf(container)).toEqual(pids);
  });

  it("stops a container that makes processes all the time", async () => {
    await using container = await background(store(), `${groupless} --stop-timeout 0`, [
      ...["sh", "-c", "while :; do true & sh -c true; echo $((n += 1)) > /count; done"],
    ]);
    const count = `/proc/${container.pid}/root/count`;
    await until("it to count", () =>
      existsSync(count) && readFileSync(count, "utf8") !== "" ? true : undefined,
    );
    await store().succeed(["pause", container.id]);
    const pids = await pidsOf(container);
    expect(pids.map(stateOf).filter((state) => state !== "T" && state !== "Z")).toEqual([]);
    const before = readFileSync(count, "utf8");
    await store().succeed(["ps"]);
    expect(readFileSync(count, "utf8")).toBe(before);
    await store().succeed(["unpause", container.id]);
    await until("it to go on", () => (readFileSync(count, "utf8") === before ? undefined : true));
  });

  it("leave what the container itself had stopped stopped", async () => {
    await using container = await background(store(), `${groupless} --stop-timeout 0`, [
      ...["sh", "-c", "sleep 1000 & kill -STOP $!; sleep 2000 & wait"],
    ]);
    const stopped = await until("a process to stop", async () =>
      (await pidsOf(container)).find((pid) => stateOf(pid) === "T"),
    );
    await store().succeed(["pause", container.id]);
    await store().succeed(["unpause", container.id]);
    expect(stateOf(stopped)).toBe("T");
    await until("the first process to wait again", () =>
      stateOf(container.pid) === "S" ? true : undefined,
    );
  });

  it("are what ps and inspect show, as the kernel has it", async () => {
    await using container = await background(store(), `${groupless} --name shown`);
    await store().succeed(["pause", "shown"]);
    const listed = await store().succeed(["ps", "--format", "{{.Names}} {{.State}} {{.Status}}"]);
    expect(listed.stdout).toMatch(/^shown paused Up .* \(Paused\)\n$/);
    const format = "{{.State.Status}} {{.State.Paused}} {{.State.Pid}}";
    const inspected = await store().succeed(["inspect", "--format", format, "shown"]);
    expect(inspected.stdout).toBe(`paused true ${container.pid}\n`);
    process.kill(container.pid, "SIGCONT");
    const after = await until("it to run", async () => {
      const { stdout } = await store().succeed(["inspect", "--format", format, "shown"]);
      return stdout.startsWith("running") ? stdout : undefined;
    });
    expect(after).toBe(`running false ${container.pid}\n`);
  });

  it("--all means those that run, and those that are paused", async () => {
    await using one = await background(store(), groupless);
    await using two = await background(store(), groupless);
    await store().succeed(["pause", one.id]);
    expect((await store().succeed(["pause", "--all"])).stdout).toBe(`${two.id}\n`);
    const { stdout } = await store().succeed(["unpause", "--all"]);
    expect(stdout.split("\n").filter(Boolean).sort()).toEqual([one.id, two.id].sort());
  });

  it("refuse what is in the wrong state", async () => {
    await using container = await background(store(), `${groupless} --name here`);
    const early = await store().run(["unpause", "here"]);
    expect(early.stderr).toContain("it is not paused");
    await store().succeed(["pause", "here"]);
    const twice = await store().run(["pause", "here", "nobody"]);
    expect(twice.stderr).toContain("it is paused");
    expect(twice.stderr).toContain('"nobody": no such container');
    await store().succeed(["kill", container.id]);
    await until("its end", () => (isAlive(container.pid) ? undefined : true));
    expect((await store().run(["pause", "here"])).stderr).toContain("it does not run");
  });
});

describe("a paused container", () => {
  it.each([
    ["stop", "NAME"],
    ["start", "NAME"],
    ["restart", "NAME"],
    ["exec", "NAME", "true"],
    ["attach", "NAME"],
    ["kill", "--signal", "HUP", "NAME"],
  ])("refuses %s, and says what to do", async (...args) => {
    await using container = await background(store(), groupless);
    await store().succeed(["pause", container.id]);
    const name = container.id.slice(0, 12);
    const { status, stderr } = await store().run(args.map((arg) => (arg === "NAME" ? name : arg)));
    expect(stderr).toContain("it is paused");
    expect(stderr).toContain("tsman unpause");
    // As of a container that does not run.
    expect(status).toBe(args[0] === "exec" ? 255 : 125);
    expect(isAlive(container.pid)).toBe(true);
  });

  it("is killed by kill, and removed by rm --force only", async () => {
    await using first = await withFamily();
    const pids = await pidsOf(first);
    await store().succeed(["pause", first.id]);
    const { status, stderr } = await store().run(["rm", first.id]);
    expect(stderr).toContain("it is paused");
    expect(status).toBe(2);
    await store().succeed(["rm", "--force", "--time", "0", first.id]);
    expect(pids.filter(isAlive)).toEqual([]);
    await using second = await background(store(), groupless);
    await store().succeed(["pause", second.id]);
    await store().succeed(["kill", second.id]);
    expect((await store().succeed(["wait", second.id])).stdout).toBe("137\n");
  });
});
