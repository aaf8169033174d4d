import { beforeAll, describe, expect, it } from "vitest";
import { mountsOf } from "../support/proc.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S18: the root that pivot_root(2) has put aside, and whatever of it a process may still hold.
const stage = useStage();
let image: string;

beforeAll(() => {
  const probe = compileProbe("roots");
  image = stage().image({ layers: [new TarBuilder().file("bin/roots", probe, { mode: 0o755 })] });
});

describe("the host's root", () => {
  it.each([
    ["by default", []],
    ["with all capabilities", ["--cap-add=ALL", "--security-opt=seccomp=unconfined"]],
    ["with --privileged", ["--privileged"]],
    ["with --privileged and a read-only root", ["--privileged", "--read-only"]],
    ["below --init", ["--init", "--privileged"]],
  ])("is found through nothing that a process of the container has, %s", async (how, options) => {
    const { stdout, stderr } = await stage().run(
      ...options,
      image,
      "roots",
      stage().victim("file"),
    );
    const lines = stdout.trim().split("\n");
    expect(lines, stderr).toContain("looked");
    expect(lines.filter((line) => line.startsWith("found"))).toEqual([]);
    // The attack was one: whoever may, left the second root.
    if (how !== "with --privileged and a read-only root") expect(lines).toContain("left a chroot");
    stage().expectVictimIntact();
  });

  it("is not found above a directory that was given either", async () => {
    const given = stage().directory();
    const args = ["--privileged", "-v", `${given}:/given`, "-w", "/given", image];
    const { stdout } = await stage().run(...args, "roots", stage().victim("file"));
    expect(stdout).not.toContain("found");
    expect(stdout).toContain("looked");
  });
});

describe("the mounts of a container", () => {
  it("begin with its root and hang together: none is left of the old root", async () => {
    await using container = await stage().background("busybox", "sleep", "100");
    const mounts = mountsOf(container.pid);
    const ids = new Set(mounts.map(({ id }) => id));
    const tops = mounts.filter(({ parent }) => !ids.has(parent));
    expect(tops.map(({ mountPoint }) => mountPoint)).toEqual(["/"]);
    expect(mounts.filter(({ mountPoint }) => mountPoint === "/")).toHaveLength(1);
    expect(mounts.map(({ mountPoint }) => mountPoint).join("\n")).not.toContain("victim");
  });

  it("name no path of the host but the files that tsman has made for the container", async () => {
    await using container = await stage().background("busybox", "sleep", "100");
    const mounts = mountsOf(container.pid);
    const onDisk = mounts.filter(
      ({ root, fstype }) => root !== "/" && !["proc", "devtmpfs", "sysfs"].includes(fstype),
    );
    const own = `/containers/${container.id}/`;
    expect(onDisk.map(({ root }) => root).filter((root) => !root.includes(own))).toEqual([]);
    expect(onDisk.map(({ mountPoint }) => mountPoint).sort()).toEqual([
      "/etc/hostname",
      "/etc/hosts",
      "/run/.containerenv",
    ]);
    const texts = mounts.flatMap(({ source, superOptions }) => [source, ...superOptions]);
    expect(texts.join("\n")).not.toContain(stage().store.scratch);
  });
});
