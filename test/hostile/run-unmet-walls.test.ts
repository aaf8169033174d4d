import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../integration/support.ts";
import { runWrapped } from "../integration/wrapped.ts";
import { requires } from "../support/must-work.ts";
import { useStage } from "./run-stage.ts";

// S33: CVE-2025-65105 (security options that have no effect, and nobody says so).
const stage = useStage();
const pretend = join(projectRoot, "dist/native/deny-syscall");

/** Longer than anybody waits: it is killed. */
const sleep = "busybox sleep 1000".split(" ");

describe("where a system call does nothing and says that it has", () => {
  it.each([
    ["seccomp", "--read-only", "verify system call filter: the program runs without it"],
    ["prctl", "--read-only", "verify capabilities: the program has more than it may"],
    ["prlimit64", "--ulimit=nofile=100:100", "verify resource limits"],
    ["mount_setattr", "--read-only", "verify read-only path /proc/bus: it can be written to"],
  ])("(%s) a container is ended that lacks a wall", async (call, option, message) => {
    const { store } = stage();
    const args = ["run", "--rm", "--quiet", "--network=none", "--name=open", option, ...sleep];
    const { status, stderr } = await runWrapped(store, [pretend, `${call}=0`], args);
    expect(stderr).toContain(message);
    expect(status).toBe(125);
    expect((await store.succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });

  it("a session of exec is ended that lacks a wall, and the container is not", async () => {
    const { store } = stage();
    await using container = await stage().background(...sleep);
    const args = ["exec", container.id, "sleep", "1000"];
    const { status, stderr } = await runWrapped(store, [pretend, "seccomp=0"], args);
    expect(stderr).toContain("verify system call filter");
    expect(status).toBe(125);
    const { stdout } = await store.succeed(["exec", container.id, "ps"]);
    expect(stdout.match(/sleep 1000/g)).toHaveLength(1);
  });

  it("(nothing pretended) the same run", async (context) => {
    requires(context, existsSync(pretend), "dist/native/deny-syscall is not built");
    const args = "run --rm --quiet --network none --ulimit nofile=100:100 busybox true".split(" ");
    const { status, stderr } = await runWrapped(stage().store, [pretend, "clone3"], args);
    expect(status, stderr).toBe(0);
  });
});
