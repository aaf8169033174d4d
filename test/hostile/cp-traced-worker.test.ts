import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { useDriver } from "../integration/support.ts";
import { requires } from "../support/must-work.ts";
import { useStage } from "./run-stage.ts";

// S24, S71: a file system in user space serves its own user namespace only, so whoever copies from
// one is in the container's: in reach of each program of that namespace that sees it.
const stage = useStage();
const sleep = "busybox sleep 1000".split(" ");

describe("files of a container with fuse-overlayfs", () => {
  it("are not copied where another one of its user namespace sees the host's processes", async (context) => {
    requires(context, existsSync("/dev/fuse"), "/dev/fuse is missing");
    const { store } = stage();
    await store.succeed("run --rm --network=none busybox true".split(" "));
    useDriver(store, "fuse-overlayfs");
    const copy = async (id: string) =>
      await store.run(["cp", `${id}:/etc/passwd`, `${stage().directory()}/copy`]);

    await using owner = await stage().background("--pid=host", ...sleep);
    await using files = await stage().background(`--ipc=container:${owner.id}`, ...sleep);
    expect((await copy(files.id)).stderr).toContain("could trace whoever copies");
    // This one has the host's processes because the container that it joins has them.
    const join = [`--pid=container:${owner.id}`, `--ipc=container:${owner.id}`];
    const watcher = await stage().background(...join, ...sleep);
    await store.succeed(["kill", owner.id]);
    await store.succeed(["wait", owner.id]);
    const refused = await copy(files.id);
    expect(refused.stderr).toContain("could trace whoever copies");
    expect(refused.status).not.toBe(0);
    await watcher[Symbol.asyncDispose]();
    expect((await copy(files.id)).status).toBe(0);
  });
});
