import { readFileSync, readlinkSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { idMapOf, mountAt, statusOf } from "../support/proc.ts";
import { background } from "./in-container.ts";
import { useStore } from "./support.ts";

// What is printed is held against the kernel, which knows.

const store = useStore();

/** A document of `inspect`: what the tests read of it. */
interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: Readonly<Record<string, unknown>>;
  readonly EffectiveCaps: readonly string[];
  readonly BoundingCaps: readonly string[];
  readonly ExecIDs: readonly string[];
  readonly GraphDriver: { readonly Data: Readonly<Record<string, string>> };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly NetworkSettings: Readonly<Record<string, unknown>>;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
}

async function inspect(...args: readonly string[]): Promise<Inspected> {
  const { stdout } = await store().succeed(["inspect", ...args]);
  const [document] = JSON.parse(stdout) as [Inspected];
  return document;
}

async function printed(...args: readonly string[]): Promise<string> {
  return (await store().succeed(args)).stdout;
}

describe("inspect of a container that runs", () => {
  it("says what the kernel says", async () => {
    await using web = await background(
      store(),
      "--name told -v data:/data -v /anonymous --tmpfs /scratch --ulimit nofile=100:200 -e X=1 " +
        "--cap-drop CHOWN --hostname hh --label tier=front --umask 0027 -w /tmp",
      ["sh", "-c", "echo up; exec sleep 1000"],
    );
    const told = await inspect("told");
    expect(told).toMatchObject({
      Id: web.id,
      Name: "told",
      State: { Status: "running", Running: true, Paused: false, Pid: web.pid, ExitCode: 0 },
      Config: {
        Hostname: "hh",
        Labels: { tier: "front" },
        WorkingDir: "/tmp",
        Umask: "0027",
        Entrypoint: null,
        Cmd: ["sh", "-c", "echo up; exec sleep 1000"],
        CreateCommand: expect.arrayContaining(["tsman", "run", "--hostname", "hh"]) as unknown,
      },
      HostConfig: { NetworkMode: "none", Tmpfs: { "/scratch": expect.any(String) as unknown } },
      NetworkSettings: { SandboxKey: `/proc/${web.pid}/ns/net` },
    });
    const monitor = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${web.pid}/status`, "utf8"))?.[1];
    expect(told.State.ConmonPid).toBe(Number(monitor));
    const bits = BigInt(`0x${statusOf(web.pid).CapBnd}`);
    expect(told.BoundingCaps).toHaveLength(bits.toString(2).replaceAll("0", "").length);
    expect(told.BoundingCaps).not.toContain("CAP_CHOWN");
    expect(told.EffectiveCaps).toEqual(told.BoundingCaps);
    const limit = /^Max open files +(\d+) +(\d+)/m.exec(
      readFileSync(`/proc/${web.pid}/limits`, "utf8"),
    );
    expect(told.HostConfig.Ulimits).toContainEqual({
      Name: "RLIMIT_NOFILE",
      Soft: Number(limit?.[1]),
      Hard: Number(limit?.[2]),
    });
    const map = idMapOf(web.pid, "uid");
    expect(told.HostConfig.IDMappings).toMatchObject({
      UidMap: map.map(({ inside, outside, count }) => `${inside}:${outside}:${count}`),
    });
    const environment = readFileSync(`/proc/${web.pid}/environ`, "utf8").split("\0");
    expect(environment).toEqual(expect.arrayContaining([...(told.Config.Env as string[])]));
    expect(told.Mounts.map(({ Destination }) => Destination).sort()).toEqual([
      "/anonymous",
      "/data",
    ]);
    for (const { Source, Destination, RW } of told.Mounts) {
      expect(mountAt(web.pid, Destination)?.options.includes("rw")).toBe(RW);
      expect(statSync(Source).ino).toBe(statSync(`/proc/${web.pid}/root${Destination}`).ino);
    }
    for (const layer of told.GraphDriver.Data.LowerDir?.split(":") ?? []) {
      expect(statSync(layer).isDirectory()).toBe(true);
    }
  });

  it("names its exec sessions and its namespaces", async () => {
    await using web = await background(store(), "--name busy");
    expect((await inspect("busy")).ExecIDs).toEqual([]);
    await printed("exec", "-d", "busy", "sleep", "1000");
    expect((await inspect("busy")).ExecIDs).toHaveLength(1);
    const namespaces = "mnt cgroup ipc net pid uts user"
      .split(" ")
      .map((name) => /\d+/.exec(readlinkSync(`/proc/${web.pid}/ns/${name}`))?.[0]);
    const format = "{{.MNT}} {{.CGROUPNS}} {{.IPC}} {{.NET}} {{.PIDNS}} {{.UTS}} {{.USERNS}}";
    const shown = await printed("ps", "--ns", "-f", "name=^busy$", "--format", format);
    expect(shown.trim().split(" ")).toEqual(namespaces);
  });

  it("gives the address and the published ports", async () => {
    await using web = await background(store(), "--name published -p 127.0.0.1::80 --expose 81");
    const port = await printed(
      "inspect",
      "--format",
      '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
      web.id,
    );
    const [row] = JSON.parse(await printed("ps", "--format", "json", "-f", `id=${web.id}`)) as {
      Ports: { host_port: number; host_ip: string; container_port: number }[];
    }[];
    expect(row?.Ports).toMatchObject([
      { host_ip: "127.0.0.1", host_port: Number(port), container_port: 80 },
    ]);
    const inside = await printed("exec", web.id, "ip", "-4", "addr", "show", "tap0");
    const { NetworkSettings } = await inspect(web.id);
    expect(inside).toContain(
      `inet ${String(NetworkSettings.IPAddress)}/${String(NetworkSettings.IPPrefixLen)}`,
    );
    expect(NetworkSettings.Ports).toMatchObject({ "81/tcp": null });
  });
});

describe("inspect of a container that is over", () => {
  it("says how it ended", async () => {
    await store().run("run --name over --network none busybox sh -c".split(" ").concat("exit 3"));
    expect(await inspect("over")).toMatchObject({
      State: { Status: "exited", Running: false, Pid: 0, ExitCode: 3 },
      NetworkSettings: { IPAddress: "", SandboxKey: "" },
      ExecIDs: [],
    });
    await store().succeed(["rm", "over"]);
  });

  it("counts what it has written, files of other owners in closed directories too", async () => {
    const script =
      "mkdir -p /a/b && head -c 1000 /dev/zero > /a/b/file && ln /a/b/file /a/again && " +
      "ln -s /bin/busybox /a/link && chown -R 65534:65534 /a && chmod 700 /a/b /a";
    await store().succeed([..."run --name wrote --network none busybox sh -c".split(" "), script]);
    const told = await inspect("--size", "wrote");
    // 1000 bytes once, and the text of the links, that of /etc/mtab included.
    expect(told.SizeRw).toBe(1000 + "/bin/busybox".length + "/proc/mounts".length);
    const image = Number(await printed("image", "inspect", "--format", "{{.Size}}", "busybox"));
    expect(told.SizeRootFs).toBe(image + (told.SizeRw ?? 0));
    const [row] = JSON.parse(
      await printed("ps", "--all", "--size", "--format", "json", "-f", "name=wrote"),
    ) as { Size: { rwSize: number; rootFsSize: number } }[];
    expect(row?.Size).toEqual({ rwSize: told.SizeRw, rootFsSize: told.SizeRootFs });
    await store().succeed(["rm", "wrote"]);
  });
});

describe("inspect of several", () => {
  it("prints those that there are, and ends with 125 for the others", async () => {
    await using one = await background(store(), "--name one");
    const args = ["inspect", "--format", "{{.Id}}", "nobody", "one", "busybox"];
    const { status, stdout, stderr } = await store().run(args);
    expect(status).toBe(125);
    expect(stdout.split("\n")).toEqual([one.id, expect.stringMatching(/^[0-9a-f]{64}$/), ""]);
    expect(stderr).toContain("inspect nobody: no such container or image");
  });

  it("--latest is the one that was made last", async () => {
    await using _first = await background(store(), "--name first");
    await using _last = await background(store(), "--name last");
    expect(await printed("inspect", "-l", "-f", "{{.Name}}")).toBe("last\n");
  });
});

describe("inspect of an image", () => {
  it("names the directories and digests that there are", async () => {
    await store().succeed(["run", "--rm", "--network", "none", "busybox", "true"]);
    const [image] = JSON.parse(await printed("image", "inspect", "busybox")) as [
      {
        Id: string;
        ManifestType: string;
        RootFS: { Layers: string[] };
        GraphDriver: { Data: { UpperDir: string } };
      },
    ];
    expect(image.ManifestType).toMatch(/manifest/);
    expect(image.RootFS.Layers).toHaveLength(1);
    expect(statSync(image.GraphDriver.Data.UpperDir).isDirectory()).toBe(true);
    expect(await printed("images", "--quiet", "--no-trunc", "busybox")).toBe(
      `sha256:${image.Id}\n`,
    );
  });
});
