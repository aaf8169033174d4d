import { describe, expect, it } from "vitest";
import { background, sh, trySh } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

/** On every host: nobody has this group. */
const nowhere = "--cgroup-parent /no/such/group";

describe("a limit that cannot be enforced", () => {
  it("is an error with the remedy, and nothing of the container is left", async () => {
    const { status, stdout, stderr } = await trySh(store(), `${nowhere} -m 64m`, "echo ran");
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^tsman: error: start container \S+: make a control group: /m);
    expect(stderr).toMatch(/^hint: .*--limits=best-effort$/m);
    expect(status).toBe(125);
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });

  it("leaves a container that is there as it was", async () => {
    await store().succeed(
      `create --name unlimited --network none ${nowhere} busybox true`.split(" "),
    );
    const started = await store().run(["start", "unlimited"]);
    expect(started.status).toBe(125);
    expect((await store().succeed(["ps", "--all", "--format={{.Status}}"])).stdout).toBe(
      "Created\n",
    );
    await store().succeed(["rm", "unlimited"]);
  });

  it("is a warning and an rlimit with --limits best-effort, for exec too", async () => {
    const options = `${nowhere} --limits best-effort -m 64m --pids-limit 300 --cpus 1`;
    const limits = "ulimit -d; ulimit -u";
    const { stdout, stderr } = await trySh(store(), `--network none ${options}`, limits);
    expect(stdout).toBe("65536\n300\n");
    expect(stderr).toContain("instead of memory.max each process gets at most 67108864 bytes");
    expect(stderr).toContain("instead of pids.max each user in it gets at most 300 processes");
    expect(stderr).toContain("cpu.max has no effect");
    await using container = await background(store(), options);
    const { stdout: inside } = await store().succeed([
      ...["exec", container.id, "sh", "-c", limits],
    ]);
    expect(inside).toBe("65536\n300\n");
  });

  it("is none with --pids-limit -1, which needs no control group", async () => {
    for (const none of ["-1", "0"]) {
      const options = `--network none --pids-limit ${none}`;
      expect(await sh(store(), options, "echo ran")).toBe("ran");
    }
  });

  it("is refused by update where a container runs without a control group", async () => {
    await using container = await background(store(), "--cgroups disabled");
    const { status, stderr } = await store().run(["update", "--memory", "1g", container.id]);
    expect(stderr).toContain("--cgroups disabled");
    expect(status).toBe(125);
  });
});

describe("limits", () => {
  it("that are asked for are shown, and those that update and clone change", async () => {
    const words = "--cpus 1.5 -m 1g --memory-reservation 512m --pids-limit 100 --cpu-shares 512";
    await store().succeed(
      `create --name shown --network none ${words} --cpuset-cpus 0-1 busybox true`.split(" "),
    );
    await store().succeed("update --memory 2g --cpuset-cpus 0 shown".split(" "));
    await store().succeed("container clone --pids-limit 7 shown copy".split(" "));
    const format =
      "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.MemoryReservation}} {{.NanoCpus}} " +
      "{{.CpuQuota}} {{.CpuPeriod}} {{.CpuShares}} {{.CpusetCpus}} {{.PidsLimit}}{{end}}";
    const { stdout } = await store().succeed(["inspect", "--format", format, "shown", "copy"]);
    const common = "2147483648 4294967296 536870912 1500000000 150000 100000 512 0";
    expect(stdout).toBe(`${common} 100\n${common} 7\n`);
    await store().succeed("rm shown copy".split(" "));
  });

  it("are not needed to run", async () => {
    expect(await sh(store(), "", "echo ran")).toBe("ran");
    expect(await sh(store(), "--cgroups disabled", "echo ran")).toBe("ran");
  });

  it.each([
    ["--memory 64x", "parse --memory"],
    ["--memory 64m --memory-swap 32m", "32"],
    ["--memory-swap 64m", "without a limit of memory"],
    ["--memory 1m --memory-reservation 2m", "memory reservation"],
    ["--cpus 0", "parse --cpus"],
    ["--cpus 1 --cpu-quota 5000", "use --cpus"],
    ["--cpu-period 10", "parse --cpu-period"],
    ["--cpuset-cpus a-b", "parse --cpuset-cpus"],
    ["--pids-limit many", "parse --pids-limit"],
    ["--blkio-weight 5", "parse --blkio-weight"],
    ["--device-read-bps sda:1m", "parse --device-read-bps"],
    ["--device-read-bps /dev/null:1m", "/dev/null: it is no block device"],
    ["--device-write-iops /dev/no-such-device:5", "/dev/no-such-device"],
    ["--cgroup-conf cgroup.procs=1", "not a limit of a control group"],
    ["--cgroup-conf ../memory.max=1", "not a limit of a control group"],
    ["--cgroups perhaps", "parse --cgroups"],
    ["--cgroups disabled --memory 64m", "use --cgroups disabled"],
    ["--cgroups split --cgroup-parent /x", "use --cgroup-parent"],
    ["--cgroupns container:other", "no such container"],
    ["--cgroupns ns:/proc/self/ns/uts", "it is no cgroup namespace"],
    ["--cgroupns ns:/etc/passwd", "it is no namespace"],
    ["--cgroupns ns:/proc/self/ns/cgroup", "gives no rights here"],
    ["--cgroups no-conmon --cgroup-parent some.slice", "control group"],
    ["--limits some", "parse --limits"],
  ])("that cannot be meant are refused: %s", async (options, why) => {
    const { status, stdout, stderr } = await trySh(store(), options, "echo ran");
    expect(stdout).toBe("");
    expect(stderr).toContain(why);
    expect(stderr).toMatch(/^hint: /m);
    expect(status).toBe(125);
  });
});
