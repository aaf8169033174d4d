import { describe, expect, it } from "vitest";
import { compileBundle } from "../../../src/bundle/compile-bundle.ts";
import { listVolumes } from "../../../src/bundle/user-mounts.ts";
import type { ContainerMount } from "../../../src/container/options.ts";
import { mountOption } from "../../../src/oci/runtime-spec.ts";
import { host, imageOf, optionsOf, requestOf, singleMapping } from "./bundle-request.ts";

const bind = (source: string, target: string, rest: object = {}): ContainerMount => ({
  type: "bind",
  source,
  target,
  readOnly: false,
  recursive: true,
  flags: [],
  chown: false,
  ...rest,
});
const tmpfs = (target: string, rest: object = {}): ContainerMount => ({
  type: "tmpfs",
  target,
  readOnly: false,
  flags: [],
  copyUp: true,
  ...rest,
});
const volume = (target: string, rest: object = {}): ContainerMount => ({
  type: "volume",
  target,
  readOnly: false,
  flags: [],
  copyUp: true,
  ...rest,
});

const compile = (
  options: Parameters<typeof requestOf>[0] = {},
  overrides: Parameters<typeof requestOf>[1] = {},
) => compileBundle(requestOf(options, overrides));
const mountAt = (bundle: ReturnType<typeof compile>, target: string) =>
  bundle.config.mounts.find((mount) => mount.destination === target);
const targets = (bundle: ReturnType<typeof compile>) =>
  bundle.config.mounts.map((mount) => mount.destination);

describe("default mounts", () => {
  it("are Podman's, with its flags, before everything else", () => {
    const bundle = compile();
    expect(targets(bundle)).toEqual([
      "/proc",
      "/dev",
      "/sys",
      "/dev/pts",
      "/dev/mqueue",
      "/dev/shm",
      "/sys/fs/cgroup",
      "/etc/hosts",
      "/etc/resolv.conf",
      "/etc/hostname",
      "/run/.containerenv",
    ]);
    expect(bundle.baseMounts).toBe(7);
    expect(mountAt(bundle, "/proc")?.options).toEqual([
      "nosuid",
      "noexec",
      "nodev",
      mountOption.nosymlink,
    ]);
    expect(mountAt(bundle, "/dev")?.options).toEqual(
      expect.arrayContaining(["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]),
    );
    expect(mountAt(bundle, "/dev/shm")?.options).toContain("size=65536000");
    expect(mountAt(bundle, "/sys")).toMatchObject({ type: "sysfs" });
    expect(mountAt(bundle, "/sys")?.options).toContain("ro");
  });

  it("refuse symbolic links in their targets (S4, S8, S10)", () => {
    const bundle = compile();
    const base = bundle.config.mounts.slice(0, bundle.baseMounts);
    expect(base.every((mount) => mount.options.includes(mountOption.nosymlink))).toBe(true);
  });

  it("show control groups read-only on a unified host and not at all on another (S11, S12)", () => {
    expect(mountAt(compile(), "/sys/fs/cgroup")).toMatchObject({ type: "cgroup2" });
    expect(mountAt(compile({ privileged: true }), "/sys/fs/cgroup")?.options).toContain("ro");
    const legacy = compile({}, { host: { ...host, cgroup: "legacy" } });
    expect(mountAt(legacy, "/sys/fs/cgroup")).toMatchObject({ type: "tmpfs" });
    expect(mountAt(legacy, "/sys/fs/cgroup")?.options).toContain("ro");
  });

  it("give the terminals to group 5 only where that is mapped", () => {
    expect(mountAt(compile(), "/dev/pts")?.options).toContain("gid=5");
    const single = compile({}, { mapping: singleMapping });
    expect(mountAt(single, "/dev/pts")?.options).not.toContain("gid=5");
  });

  it("bind the host's /sys, read-only with all below it, when the network is the host's", () => {
    const bundle = compile({ network: { mode: "host" } });
    expect(mountAt(bundle, "/sys")).toMatchObject({ type: "bind", source: "/sys" });
    expect(mountAt(bundle, "/sys")?.options).toEqual(expect.arrayContaining(["rbind", "ro"]));
    expect(bundle.origins?.["/mounts/2"]).toBe("--network host");
  });

  it("bind the host's /proc when the pid namespace is the host's", () => {
    expect(mountAt(compile({ pid: { mode: "host" } }), "/proc")).toMatchObject({
      type: "bind",
      source: "/proc",
    });
  });

  it("fall back to binds where the kernel would refuse a new proc or sysfs (nested)", () => {
    const nested = { ...host, canMountProc: false, canMountSysfs: false };
    const bundle = compile({}, { host: nested });
    expect(mountAt(bundle, "/proc")).toMatchObject({ type: "bind", source: "/proc" });
    expect(mountAt(bundle, "/sys")).toMatchObject({ type: "bind", source: "/sys" });
  });

  it("bind /dev/shm and /dev/mqueue with --ipc host, as far as the host has them", () => {
    const bundle = compile({ ipc: { mode: "host" } }, { host: { ...host, hasMqueue: false } });
    expect(mountAt(bundle, "/dev/shm")).toMatchObject({ type: "bind", source: "/dev/shm" });
    expect(mountAt(bundle, "/dev/mqueue")).toBeUndefined();
  });

  it("make /sys writable with --privileged and take --shm-size", () => {
    const bundle = compile({ privileged: true, shmSize: 4096 });
    expect(mountAt(bundle, "/sys")?.options).toContain("rw");
    expect(mountAt(bundle, "/dev/shm")?.options).toContain("size=4096");
  });
});

describe("mounts of the user", () => {
  it("come after the default ones, parents first", () => {
    const mounts = [bind("/c", "/a/b/c"), bind("/a", "/a"), tmpfs("/a/b")];
    const own = targets(compile({ mounts })).slice(7);
    expect(own.indexOf("/a")).toBeLessThan(own.indexOf("/a/b"));
    expect(own.indexOf("/a/b")).toBeLessThan(own.indexOf("/a/b/c"));
  });

  it("get Podman's defaults: nosuid, nodev, private, recursive", () => {
    const bundle = compile({ mounts: [bind("/src", "/dst/", { readOnly: true })] });
    expect(mountAt(bundle, "/dst")).toEqual({
      destination: "/dst",
      type: "bind",
      source: "/src",
      options: ["rbind", "rprivate", "ro", "nosuid", "nodev"],
    });
  });

  it("take the flags that are asked for", () => {
    const mounts = [
      bind("/src", "/a", { flags: ["suid", "dev", "noexec"], recursive: false, chown: true }),
      tmpfs("/b", { size: 4096, mode: 0o700, copyUp: false, flags: ["noatime"] }),
    ];
    const bundle = compile({ mounts });
    expect(mountAt(bundle, "/a")?.options).toEqual([
      "bind",
      "rprivate",
      "rw",
      "noexec",
      mountOption.chown,
    ]);
    expect(mountAt(bundle, "/b")?.options).toEqual([
      "rw",
      "nosuid",
      "nodev",
      "noatime",
      "size=4096",
      "mode=700",
    ]);
  });

  it("let the host's mounts in only when a mount asks for that (S14)", () => {
    expect(compile().config.linux.rootfsPropagation).toBe("rprivate");
    const mounts = [bind("/media", "/media", { propagation: "rslave" })];
    expect(compile({ mounts }).config.linux.rootfsPropagation).toBe("rslave");
  });

  it("take the place of a default mount and of what would be below it", () => {
    const bundle = compile({ mounts: [bind("/sys/fs", "/sys/fs"), bind("/big", "/dev/shm")] });
    expect(targets(bundle)).not.toContain("/sys/fs/cgroup");
    expect(mountAt(bundle, "/dev/shm")).toMatchObject({ source: "/big" });
    expect(targets(bundle).indexOf("/dev/shm")).toBeLessThan(bundle.baseMounts);
  });

  it("on /dev replace nodes and links, but not the container's own terminals", () => {
    const bundle = compile({ mounts: [bind("/dev", "/dev")] });
    expect(bundle.devices).toEqual([]);
    expect(bundle.symlinks.map((link) => link.path)).toEqual(["/etc/mtab"]);
    expect(targets(bundle).indexOf("/dev")).toBeLessThan(targets(bundle).indexOf("/dev/pts"));
    expect(mountAt(bundle, "/dev/pts")).toMatchObject({ type: "devpts" });
  });

  it("take the place of /etc/hosts and its like", () => {
    const bundle = compile({ mounts: [bind("/my/hosts", "/etc/hosts")] });
    expect(mountAt(bundle, "/etc/hosts")?.source).toBe("/my/hosts");
  });

  it.each([
    [[bind("/a", "rel")], "is relative"],
    [[bind("/a", "/")], "must not be /"],
    [[bind("/a", "/x/../..")], "must not be /"],
    [[bind("/a", "/proc")], "nothing may be mounted on /proc"],
    [[tmpfs("/proc/meminfo")], "nothing may be mounted on /proc/meminfo"],
    [[bind("/a", "/proc/sys")], "nothing may be mounted on /proc/sys"],
    [[tmpfs("/sys/../proc/self/attr")], "nothing may be mounted on /proc/self/attr"],
    [[bind("/a", "/x"), tmpfs("/x/")], "/x is a mount already"],
    [[bind("rel", "/x")], "source is not an absolute path"],
    [[bind("/a", "/x", { flags: ["suid", "nosuid"] })], "both nosuid and suid"],
    [[tmpfs("/x", { size: -1 })], "is not a number of bytes"],
    [[tmpfs("/x", { mode: 0o10000 })], "is not of permission bits"],
  ] as [ContainerMount[], string][])("refuse %j: %s", (mounts, why) => {
    expect(() => compile({ mounts })).toThrow(why);
  });
});

describe("volumes", () => {
  it("are those of the user and of the image, less what other mounts cover", () => {
    const options = optionsOf({ mounts: [volume("/data", { name: "db" }), tmpfs("/cache")] });
    expect(listVolumes(options, ["/cache", "logs", "/a/../../srv"])).toEqual([
      { name: "db", target: "/data", because: "-v db:/data" },
      { name: undefined, target: "/logs", because: "image VOLUME /logs" },
      { name: undefined, target: "/srv", because: "image VOLUME /srv" },
    ]);
  });

  it("are bound from their directories and filled from the image first", () => {
    const bundle = compile(
      { mounts: [volume("/data", { name: "db", readOnly: true, copyUp: false })] },
      { image: imageOf({ volumes: ["/srv"] }), volumes: { "/data": "/v/db", "/srv": "/v/anon" } },
    );
    expect(mountAt(bundle, "/data")).toMatchObject({ source: "/v/db" });
    expect(mountAt(bundle, "/data")?.options).toContain("ro");
    expect(mountAt(bundle, "/data")?.options).not.toContain(mountOption.copyUp);
    expect(mountAt(bundle, "/srv")?.options).toContain(mountOption.copyUp);
  });

  // S16, CVE-2022-23648
  it.each(["/", "..", "/proc", "/proc/sys", "/x/../proc"])(
    "of an image on %j condemn it",
    (path) => {
      expect(() => listVolumes(optionsOf(), [path])).toThrow("read image config");
    },
  );
});

describe("files of the container", () => {
  it("are bound from its directory, with their contents", () => {
    const bundle = compile({ hostname: "web" });
    expect(mountAt(bundle, "/etc/hostname")?.source).toBe("/store/containers/c/hostname");
    expect(bundle.artefacts).toEqual([
      { name: "hosts", content: "127.0.0.1\tlocalhost\n" },
      { name: "resolv.conf", content: "nameserver 10.0.2.3\n" },
      { name: "hostname", content: "web\n" },
      { name: "containerenv", content: "" },
    ]);
  });

  it("leave the image's alone where the network has none (--dns none, --no-hosts)", () => {
    const bundle = compile({}, { network: {} });
    expect(mountAt(bundle, "/etc/hosts")).toBeUndefined();
    expect(mountAt(bundle, "/etc/resolv.conf")).toBeUndefined();
    expect(bundle.artefacts.map((one) => one.name)).toEqual(["hostname", "containerenv"]);
  });

  it("are the other container's with --network container:NAME", () => {
    const bundle = compile(
      { network: { mode: "container", container: "db" } },
      { join: { container: "db", pid: 7, startTime: 9n, hostsPath: "/d/hosts" } },
    );
    expect(mountAt(bundle, "/etc/hosts")?.source).toBe("/d/hosts");
    expect(mountAt(bundle, "/etc/resolv.conf")).toBeUndefined();
    expect(bundle.artefacts.map((one) => one.name)).not.toContain("hosts");
  });

  it("are read-only with --read-only, which gets a writable /run, /tmp and /var/tmp", () => {
    const bundle = compile({ readOnly: true, mounts: [tmpfs("/tmp", { size: 1 })] });
    expect(bundle.config.root.readonly).toBe(true);
    expect(mountAt(bundle, "/etc/hosts")?.options).toContain("ro");
    expect(mountAt(bundle, "/run")).toMatchObject({ type: "tmpfs" });
    expect(mountAt(bundle, "/tmp")?.options).toContain("size=1");
    expect(targets(bundle).indexOf("/run")).toBeLessThan(
      targets(bundle).indexOf("/run/.containerenv"),
    );
    const bare = compile({ readOnly: true, readOnlyTmpfs: false });
    expect(mountAt(bare, "/run")).toBeUndefined();
  });

  it("tell a privileged container who runs it, without letting names forge lines", () => {
    const bundle = compile({ privileged: true }, { imageName: 'x"\nid="forged' });
    const content = bundle.artefacts.find((one) => one.name === "containerenv")?.content ?? "";
    expect(content).toContain('engine="tsman"\n');
    expect(content.match(/^id=/gm)).toHaveLength(1);
  });

  it("describe the time zone of --tz", () => {
    expect(mountAt(compile({ tz: "Europe/Vienna" }), "/etc/localtime")?.source).toBe(
      "/usr/share/zoneinfo/Europe/Vienna",
    );
    expect(mountAt(compile({ tz: "local" }), "/etc/localtime")?.source).toBe("/etc/localtime");
    for (const tz of ["../../etc/shadow", "/etc/shadow", "", "a//b", "Europe/../x"]) {
      expect(() => compile({ tz })).toThrow("not the name of a time zone");
    }
  });
});
