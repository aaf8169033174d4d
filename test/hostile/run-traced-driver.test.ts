import { existsSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { useDriver } from "../integration/support.ts";
import { requires } from "../support/must-work.ts";
import { useStage } from "./run-stage.ts";

// S24: fuse-overlayfs is a program of the host's, and at work in the user namespace of the container
// as long as that lives: in reach of each program of that namespace that sees it.
const stage = useStage();
const sleep = "busybox sleep 1000".split(" ");

beforeAll(async () => {
  await stage().store.succeed("run --rm --network=none busybox true".split(" "));
  useDriver(stage().store, "fuse-overlayfs");
});

describe("where fuse-overlayfs makes the root", () => {
  it("a container that sees the host's processes has a copy", async (context) => {
    requires(context, existsSync("/dev/fuse"), "/dev/fuse is missing");
    const victim = stage().victim("file");
    const script = [
      "grep ' / ' /proc/mounts | cut -d ' ' -f 3",
      "cd /proc",
      `for p in [0-9]*; do cat $p/root${victim} && cat $p/comm; done 2>/dev/null; true`,
    ].join("\n");
    const run = (...options: string[]) => stage().run(...options, "busybox", "sh", "-c", script);
    expect((await run("--privileged")).stdout).toBe("fuse.fuse-overlayfs\n");
    for (const options of [["--privileged"], ["--cap-add=SYS_PTRACE"]]) {
      const { status, stdout, stderr } = await run("--pid=host", ...options);
      expect(status, stderr).toBe(0);
      expect(stdout).not.toMatch(/fuse|do not touch/);
    }
    // That is about this container, not about the host.
    expect((await run()).stdout).toBe("fuse.fuse-overlayfs\n");
  });

  it("nobody who sees the host's processes joins its user namespace, nor the other way round", async (context) => {
    requires(context, existsSync("/dev/fuse"), "/dev/fuse is missing");
    await using files = await stage().background(...sleep);
    const late = await stage().run("--pid=host", `--ipc=container:${files.id}`, ...sleep);
    expect(late.stderr).toContain("could trace fuse-overlayfs");
    expect(late.status).toBe(125);

    await using watcher = await stage().background("--pid=host", ...sleep);
    for (const join of [`--ipc=container:${watcher.id}`, `--uts=container:${watcher.id}`]) {
      const early = await stage().run(join, ...sleep);
      expect(early.stderr).toContain("could trace fuse-overlayfs");
      expect(early.status).toBe(125);
    }
  });
});
