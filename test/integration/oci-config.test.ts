import { once } from "node:events";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { isAlive } from "../support/proc.ts";
import { fileAppears, until } from "../support/wait.ts";
import { type Config, OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

// What stands in a config.json, seen at work by the program.

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

const tooHigh = { type: "RLIMIT_NOFILE", soft: 2 ** 40, hard: 2 ** 40 };
const noSuch = { destination: "/place", type: "nofs", source: "x" };
const missing = { destination: "/place", source: "/nonexistent", options: ["bind"] };

describe("process of a config.json", () => {
  it("gets ids, groups, limits, mask, scheduling, capabilities and no more", async () => {
    const script =
      "umask; ulimit -n; cat /proc/self/oom_score_adj; sed -n 's/^NoNewPrivs:.//p;s/^CapEff:.//p;s/^CapAmb:.//p' /proc/self/status; cut -d' ' -f19,41 /proc/self/stat; echo $HOME; pwd";
    const printed = await oci.output("process", script, (config) => {
      config.process.user.umask = 0o27;
      config.process.cwd = "/made";
      config.process.noNewPrivileges = true;
      config.process.oomScoreAdj = 500;
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
      config.process.scheduler = { policy: "SCHED_BATCH", nice: 7 };
      const sets = ["CAP_KILL", "CAP_CHOWN"];
      // Of uid 0 the kernel makes all effective that is permitted (capabilities(7)).
      config.process.capabilities = { bounding: sets, permitted: sets, effective: sets };
    });
    expect(printed.split("\n")).toEqual([
      "0027",
      "100",
      "500",
      "0000000000000021",
      "0000000000000000",
      "1",
      "7 3",
      "/",
      "/made",
      "",
    ]);
  });

  it.each([
    [
      "a limit",
      "set limit nofile (/process/rlimits/0)",
      (c: Config) => (c.process.rlimits = [tooHigh]),
    ],
    ["a file system", "mount nofs on /place (/mounts/2)", (c: Config) => (c.mounts[2] = noSuch)],
    ["a source", "open /nonexistent (/mounts/2)", (c: Config) => (c.mounts[2] = missing)],
    [
      "an option of a file system",
      "mount tmpfs on /place (/mounts/2)",
      (c: Config) => (c.mounts[2] = { ...noSuch, type: "tmpfs", options: ["size=much"] }),
    ],
    [
      "a namespace",
      "open /proc/nonexistent (/linux/namespaces/4)",
      (c: Config) =>
        (c.linux.namespaces[4] = { ...c.linux.namespaces[4], path: "/proc/nonexistent" }),
    ],
    [
      "a namespace of another kind",
      "join /proc/self/ns/user (/linux/namespaces/4)",
      (c: Config) =>
        (c.linux.namespaces[4] = { ...c.linux.namespaces[4], path: "/proc/self/ns/user" }),
    ],
    [
      "an OOM score",
      "set oom score -1000 (/process/oomScoreAdj)",
      (c: Config) => (c.process.oomScoreAdj = -1000),
    ],
    [
      "a time offset",
      "(/linux/timeOffsets/monotonic): result too large",
      (c: Config) => {
        c.linux.namespaces.push({ type: "time" });
        c.linux.timeOffsets = { monotonic: { secs: -99_999_999 } };
      },
    ],
    [
      "a setting",
      "(/linux/sysctl/kernel.msgmax): invalid argument",
      (c: Config) => (c.linux.sysctl = { "kernel.msgmax": "much" }),
    ],
  ])("is refused by its place what the kernel does not give: %s", async (name, place, change) => {
    const id = name.replaceAll(" ", "-");
    const bundle = oci.bundle(id, "true", change);
    // The reason, and not that of somebody who waits for what has failed.
    for (let round = 0; round < 5; round += 1) {
      const result = await oci.run(["run", "--bundle", bundle, id]);
      expect(result.stderr).toContain(place);
      expect(result.status).toBe(125);
    }
  });

  it("gets the capabilities that can be granted, with a warning for the others", async () => {
    const bundle = oci.bundle("granted", "grep Cap /proc/self/status", (config) => {
      const names = ["CAP_KILL", "CAP_FLY"];
      config.process.capabilities = { bounding: names, permitted: names, ambient: names };
      delete config.process.user;
    });
    const { stdout, stderr } = await oci.succeed(["run", "--bundle", bundle, "granted"]);
    expect(stdout).toContain("CapBnd:\t0000000000000020\nCapAmb:\t0000000000000000");
    expect(stderr).toContain("warning: config.json: /process/capabilities: CAP_FLY is not known");
    expect(stderr).toContain("/process/capabilities/ambient: CAP_KILL cannot be granted");
  });

  it("is refused a filter that the kernel would not take, with its place", async () => {
    const bundle = oci.bundle("bulky", "true", (config) => {
      const syscalls = Array.from({ length: 5000 }, (_, value) => ({
        names: ["kill"],
        action: "SCMP_ACT_ERRNO",
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      }));
      config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
    });
    const { status, stderr } = await oci.run(["run", "--bundle", bundle, "bulky"]);
    expect(status).toBe(125);
    expect(stderr).toMatch(/\/linux\/seccomp: .* instructions, and the kernel at most 4096/);
  });

  it.each([
    ["everything", { defaultAction: "SCMP_ACT_ERRNO" }],
    [
      "to execute and to speak",
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["execve", "write", "sendmsg"], action: "SCMP_ACT_ERRNO" }],
      },
    ],
  ])("ends, and is said not to run, where its filter denies %s", async (_, seccomp) => {
    for (const noNewPrivileges of [false, true]) {
      const bundle = oci.bundle("denied", "true", (config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        config.linux.seccomp = seccomp;
      });
      const { status, stderr } = await oci.run(["run", "--bundle", bundle, "denied"]);
      expect([status, stderr]).toEqual([126, expect.stringContaining("system call filter denies")]);
      // Nobody looks on here, but for `start`, unless its parent has waited for it already.
      await oci.succeed(["create", "--bundle", bundle, "denied"]);
      const start = await oci.run(["start", "denied"]);
      const seen = "ended before it could execute the program";
      expect([
        [0, ""],
        [1, expect.stringContaining(seen)],
      ]).toContainEqual([start.status, start.stderr]);
      await until("its end", async () =>
        (await oci.state("denied")).status === "stopped" ? true : undefined,
      );
      await oci.succeed(["delete", "denied"]);
    }
  });

  it("takes -1 for no limit, which needs no control group", async () => {
    const resources = { pids: { limit: -1 }, memory: { limit: -1, swap: -1 } };
    const printed = await oci.output("unlimited", "echo ran", (config) => {
      config.linux.resources = resources;
    });
    expect(printed).toBe("ran\n");
  });

  it("is filtered as linux.seccomp says, also what is executed later", async () => {
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        { names: ["mkdir", "mkdirat", "nosuchcall"], action: "SCMP_ACT_ERRNO", errnoRet: 28 },
      ],
    };
    const change = (config: Config): void => {
      config.linux.seccomp = seccomp;
    };
    const printed = await oci.output("filtered", "mkdir /tmp/x 2>&1; true", change);
    expect(printed).toContain("No space left on device");
    const bundle = oci.bundle("filtered-exec", "sleep 1000", change);
    await oci.succeed(["run", "--detach", "--bundle", bundle, "filtered"]);
    const exec = await oci.run(["exec", "filtered", "busybox", "mkdir", "/tmp/x"]);
    expect(exec.stderr).toContain("No space left on device");
    await oci.succeed(["delete", "--force", "filtered"]);
  });
});

describe("mounts of a config.json", () => {
  it("have the flags that they are given", async () => {
    const source = oci.file("source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "text\n");
    const bind = (destination: string, ...options: string[]) => ({
      destination,
      type: "bind",
      source,
      options,
    });
    const printed = await oci.output(
      "mounts",
      "cat /ro/file; grep -E ' /(ro|rec|relative|t) ' /proc/self/mountinfo | cut -d' ' -f5,6",
      (config) => {
        config.mounts.push(
          bind("/ro", "bind", "ro", "nosuid", "nodev"),
          bind("/rec", "rbind", "rro", "rnoexec"),
          bind("relative", "bind", "nodev", "rw"),
          { destination: "/t", type: "tmpfs", source: "x", options: ["noexec", "size=1m"] },
        );
      },
    );
    const [first, ...lines] = printed.trimEnd().split("\n");
    expect(first).toBe("text");
    const flags = new Map(
      lines.map((line) => {
        const [path = "", options = ""] = line.split(" ");
        return [path, options.split(",")];
      }),
    );
    expect(flags.get("/ro")).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev"]));
    expect(flags.get("/rec")).toEqual(expect.arrayContaining(["ro", "noexec"]));
    expect(flags.get("/relative")).toEqual(expect.arrayContaining(["rw", "nodev"]));
    expect(flags.get("/t")).toEqual(expect.arrayContaining(["rw", "noexec"]));
  });

  it("are read-only only when what later ones are mounted on has been made in them", async () => {
    const source = oci.file("closed-late");
    mkdirSync(source);
    const printed = await oci.output(
      "closed-late",
      "grep -E ' /(dev|run|srv)(/pts|/sub)? ' /proc/self/mountinfo | cut -d' ' -f5,6 | cut -d, -f1; for d in dev run srv; do echo >/$d/x || echo closed; done 2>/dev/null; echo >/srv/sub/x && cat /dev/null",
      (config) => {
        config.mounts[1].options.push("ro");
        const bind = { type: "bind", source, options: ["bind", "ro"] };
        const tmpfs = { type: "tmpfs", source: "tmpfs" };
        config.mounts.push(
          { destination: "/run", ...tmpfs, options: ["ro"] },
          { destination: "/run/sub", ...tmpfs },
          { destination: "/srv", ...bind },
          { destination: "/srv/sub", ...tmpfs },
        );
      },
    );
    const states = ["/dev ro", "/dev/pts rw", "/run ro", "/run/sub rw", "/srv ro", "/srv/sub rw"];
    expect(printed.split("\n")).toEqual([...states, "closed", "closed", "closed", ""]);
    expect(readdirSync(source)).toEqual(["sub"]);
  });

  it("take the place of files in /proc that tell of the machine, as lxcfs has them", async () => {
    const source = oci.file("meminfo");
    writeFileSync(source, "MemTotal: 1 kB\n");
    const bind = { destination: "/proc/meminfo", type: "bind", source, options: ["bind", "ro"] };
    const printed = await oci.output("lxcfs", "cat /proc/meminfo", ({ mounts }) =>
      mounts.push(bind),
    );
    expect(printed).toBe("MemTotal: 1 kB\n");
    const other = oci.bundle("trusted", "true", ({ mounts }) =>
      mounts.push({ ...bind, destination: "/proc/version" }),
    );
    expect((await oci.run(["run", "--bundle", other, "trusted"])).stderr).toContain(
      "nothing may be mounted on /proc/version",
    );
  });

  it("are overlays of directories of the host, relative to the bundle", async () => {
    const bundleDir = oci.file("bundle-overlay");
    for (const name of ["lower:1", "lower2", "other", "upper", "work"]) {
      mkdirSync(join(bundleDir, name), { recursive: true });
      writeFileSync(join(bundleDir, name, name), "");
    }
    const overlay = (destination: string, ...options: string[]) => ({
      ...{ destination, type: "overlay", source: "overlay", options },
    });
    const lower = "lowerdir=lower\\:1:lower2";
    const printed = await oci.output(
      "overlay",
      "ls /srv /both; echo new >/srv/new; grep -cE ' /(srv r[ow],nosuid|both ro),' /proc/self/mountinfo",
      (config) => {
        config.mounts.unshift(
          overlay("/srv", `${lower},upperdir=upper`, "workdir=work", "userxattr", "nosuid"),
          overlay("/both", `lowerdir=${join(bundleDir, "lower2")}:other`, "ro"),
        );
      },
    );
    const shown = ["/both:", "lower2", "other", "/srv:", "lower2", "lower:1", "upper", "2"];
    expect(printed.trim().split(/\s+/)).toEqual(shown);
    expect(readFileSync(join(bundleDir, "upper/new"), "utf8")).toBe("new\n");
  });

  it("are not mapped to other ids for who has no rights over the file system", async () => {
    const source = oci.file("unmappable");
    mkdirSync(source);
    const bundle = oci.bundle("unmappable", "true", (config) => {
      const uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
      config.mounts.push({
        ...{ destination: "/mapped", type: "bind", source, options: ["bind"] },
        ...{ uidMappings, gidMappings: uidMappings },
      });
    });
    const { status, stderr } = await oci.run(["run", "--bundle", bundle, "unmappable"]);
    expect(status).toBe(125);
    expect(stderr).toContain(source);
    expect(stderr).toMatch(/operation not permitted/i);
  });

  it("can be filled with what they cover, masked and made read-only", async () => {
    const etc = join(oci.rootfs, "etc/covered");
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, "inside"), "was here\n");
    const printed = await oci.output(
      "covered",
      "cat /etc/covered/inside; echo new >/etc/covered/own; cat /etc/covered/own; cat /proc/version | wc -c; (echo x >/proc/sys/kernel/hostname) 2>&1 | grep -c Read-only; ls /etc/covered; (echo >/x) 2>&1 | grep -c Read-only",
      (config) => {
        config.mounts.push({
          destination: "/etc/covered",
          type: "tmpfs",
          source: "tmpfs",
          options: ["tmpcopyup"],
        });
        config.linux.maskedPaths = ["/proc/version", "/no/such"];
        config.linux.readonlyPaths = ["/proc/sys"];
        config.root.readonly = true;
      },
    );
    expect(printed).toBe("was here\nnew\n0\n1\ninside\nown\n1\n");
  });
});

describe("the links of /dev", () => {
  it("are left alone where they are right, and made right where they are not", async () => {
    const dev = join(oci.rootfs, "dev");
    const withoutDev = (config: Config): void => {
      config.mounts = config.mounts.filter(({ destination }: Config) => !/^.dev/.test(destination));
    };
    const look = "for n in fd stdin core; do busybox readlink /dev/$n; done";
    const links = "/proc/self/fd\n/proc/self/fd/0\n/proc/kcore\n";
    expect(await oci.output("links", look, withoutDev)).toBe(links);
    const before = lstatSync(join(dev, "fd"), { bigint: true });
    rmSync(join(dev, "stdin"));
    symlinkSync("/etc/shadow", join(dev, "stdin"));
    expect(await oci.output("links", look, withoutDev)).toBe(links);
    const after = lstatSync(join(dev, "fd"), { bigint: true });
    expect([after.ino, after.ctimeNs]).toEqual([before.ino, before.ctimeNs]);
  });
});

describe("control groups of a config.json", () => {
  it("are told of where they cannot be made, and no limit is asked for", async () => {
    const bundle = oci.bundle("nowhere", "true", (config) => {
      config.linux.cgroupsPath = "/nobody-may-make-this/one";
    });
    const run = ["run", "--bundle", bundle, "nowhere"];
    const { stderr } = await oci.succeed(run);
    expect(stderr).toMatch(/warning: config\.json: \/linux\/cgroupsPath: there is no group: \S/);
    const { stderr: off } = await oci.succeed(["--cgroup-manager", "disabled", ...run]);
    expect(off).toBe("");
  });

  it("are not made for who has switched them off, and limits are refused then", async () => {
    const off = ["--cgroup-manager", "disabled", "run", "--bundle"];
    const path = (config: Config): void => {
      config.linux.cgroupsPath = "/nobody-may-make-this/one";
    };
    await oci.succeed([...off, oci.bundle("groupless", "true", path), "groupless"]);
    const limited = oci.bundle("limited", "true", (config) => {
      path(config);
      config.linux.resources = { pids: { limit: 9 } };
    });
    const { stderr } = await oci.run([...off, limited, "limited"]);
    expect(stderr).toContain(
      "/linux/resources: no limit can be had with --cgroup-manager disabled",
    );
    const wrong = await oci.run(["--cgroup-manager", "mine", "list"]);
    expect(wrong.stderr).toContain("--cgroup-manager mine: no such manager");
  });
});

describe("linux of a config.json", () => {
  it("names the ids that are not the caller's to map", async () => {
    for (const kind of ["uid", "gid"]) {
      const bundle = oci.bundle(`foreign-${kind}`, "true", (config) => {
        config.linux[`${kind}Mappings`] = [{ containerID: 0, hostID: 4294967290, size: 1 }];
      });
      const { status, stderr } = await oci.run(["run", "--bundle", bundle, "foreign"]);
      expect(status).toBe(125);
      expect(stderr).toContain(`new${kind}map (/linux/${kind}Mappings): `);
    }
  });

  it("has its fifos made, as ordinary users may", async () => {
    const printed = await oci.output("fifo", "busybox stat -c '%F %a' /run/fifo", (config) => {
      config.linux.devices = [{ type: "p", path: "/run/fifo", fileMode: 0o620 }];
    });
    expect(printed).toBe("fifo 620\n");
  });

  it("names the host, sets what belongs to namespaces, and moves clocks", async () => {
    const printed = await oci.output(
      "names",
      "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start; cut -d. -f1 /proc/uptime; busybox uname -m; cat /proc/self/personality; grep ' / / ' /proc/self/mountinfo | grep -c shared; ls /dev; cat /sys/class/net/lo/operstate 2>/dev/null; busybox ip link show lo | grep -c UP",
      (config) => {
        config.hostname = "named";
        config.domainname = "example.org";
        config.linux.sysctl = { "net.ipv4.ip_unprivileged_port_start": "80" };
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 500_000_000 } };
        config.linux.personality = { domain: "LINUX32" };
        config.linux.devices = [{ type: "c", path: "/dev/fuse", major: 10, minor: 229 }];
      },
    );
    const [host, domain, port, uptime, machine, personality] = printed.split("\n");
    expect([host, domain, port]).toEqual(["named", "example.org", "80"]);
    expect(Number(uptime)).toBeGreaterThan(500_000_000);
    expect(machine).toMatch(/^i686|armv8l$/);
    expect(personality).toBe("00000008");
    for (const name of ["fd", "full", "fuse", "null", "ptmx", "random", "stdin", "tty", "zero"]) {
      expect(printed).toContain(`${name}\n`);
    }
  });

  it("joins namespaces by path", async () => {
    const owner = oci.bundle("owner", "sleep 1000", (config) => {
      config.hostname = "owner";
    });
    await oci.succeed(["run", "--detach", "--bundle", owner, "owner"]);
    const { pid } = await oci.state("owner");
    const own = (kind: string) => readlinkSync(`/proc/${pid}/ns/${kind}`);
    const printed = await oci.output(
      "guest",
      "hostname; for n in user uts net ipc pid; do readlink /proc/self/ns/$n; done",
      (config) => {
        const joined: Record<string, string> = {
          user: "user",
          uts: "uts",
          network: "net",
          ipc: "ipc",
        };
        config.linux.namespaces = ["user", "mount", "pid", "uts", "network", "ipc"].map((type) => ({
          type,
          ...(joined[type] === undefined ? {} : { path: `/proc/${pid}/ns/${joined[type]}` }),
        }));
        delete config.linux.uidMappings;
        delete config.linux.gidMappings;
      },
    );
    const [name, user, uts, network, ipc, pids] = printed.split("\n");
    expect(name).toBe("owner");
    expect([user, uts, network, ipc]).toEqual([own("user"), own("uts"), own("net"), own("ipc")]);
    expect(pids).not.toBe(own("pid"));
    await oci.succeed(["delete", "--force", "owner"]);
  });

  it("does not join what gives a new user namespace no rights, and says so", async () => {
    const owner = oci.bundle("owner", "sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", owner, "owner"]);
    const { pid } = await oci.state("owner");
    const path = `/proc/${pid}/ns/pid`;
    const guest = oci.bundle("guest", "true", ({ linux }) => {
      linux.namespaces = linux.namespaces.map((namespace: Config) =>
        namespace.type === "pid" ? { type: "pid", path } : namespace,
      );
    });
    const { stderr } = await oci.run(["run", "--bundle", guest, "guest"]);
    expect(stderr).toContain(
      "operation not permitted (it belongs to a user namespace that gives no rights here)",
    );
    expect(stderr).toContain(`join ${path} (/linux/namespaces/`);
    await oci.succeed(["delete", "--force", "owner"]);
  });
});

describe("hooks of a config.json", () => {
  /** A program that writes its name, its state and its mount namespace down. */
  function recorder(): string {
    const file = oci.file("record");
    writeFileSync(
      file,
      `#!/bin/sh\necho "$1 $(readlink /proc/self/ns/mnt) $VALUE $(cat)" >>${oci.file("hooks.log")}\n`,
    );
    chmodSync(file, 0o755);
    return file;
  }

  it("run in their order, places and namespaces, with the state", async () => {
    const path = recorder();
    const hook = (name: string) => [
      { path, args: ["record", name], env: ["VALUE=v", "PATH=/bin:/usr/bin"], timeout: 20 },
    ];
    const printed = await oci.output("hooks", "cat /tmp/started", (config) => {
      config.annotations = { key: "value" };
      config.hooks = {
        prestart: hook("prestart"),
        createRuntime: hook("createRuntime"),
        createContainer: hook("createContainer"),
        startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat >/tmp/started"] }],
        poststart: hook("poststart"),
        poststop: hook("poststop"),
      };
    });
    expect(JSON.parse(printed)).toMatchObject({ id: "hooks", status: "created", pid: 1 });
    const lines = readFileSync(oci.file("hooks.log"), "utf8").trimEnd().split("\n");
    const records = lines.map((line) => {
      const [name = "", namespace = "", value = "", ...state] = line.split(" ");
      return { name, namespace, value, state: JSON.parse(state.join(" ")) as Config };
    });
    expect(records.map(({ name, state }) => [name, state.status])).toEqual([
      ["prestart", "creating"],
      ["createRuntime", "creating"],
      ["createContainer", "creating"],
      ["poststart", "running"],
      ["poststop", "stopped"],
    ]);
    const host = readlinkSync("/proc/self/ns/mnt");
    expect(records.map(({ namespace }) => namespace === host)).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
    for (const { value, state } of records) {
      expect(value).toBe("v");
      expect(state).toMatchObject({ id: "hooks", annotations: { key: "value" } });
    }
  });

  it("of a start delete the container when one fails, and those for the end run", async () => {
    const hook = (status: number) => ({ path: "/bin/sh", args: ["sh", "-c", `exit ${status}`] });
    for (const name of ["startContainer", "poststart"]) {
      const ended = oci.file(`ended-${name}`);
      const bundle = oci.bundle(`late-${name}`, "sleep 1000", (config) => {
        config.hooks = {
          [name]: [hook(0), hook(3)],
          poststop: [{ path: "/bin/sh", args: ["sh", "-c", `cat >>${ended}`] }],
        };
      });
      await oci.succeed(["create", "--bundle", bundle, "late"]);
      const { pid } = await oci.state("late");
      const start = await oci.run(["start", "late"]);
      expect(start.status).toBe(1);
      expect(start.stderr).toContain(`run hook /bin/sh (/hooks/${name}/1)`);
      expect(isAlive(pid)).toBe(false);
      expect((await oci.run(["state", "late"])).stderr).toContain("does not exist");
      expect(JSON.parse(readFileSync(ended, "utf8"))).toMatchObject({ status: "stopped" });
    }
    expect(readdirSync(oci.root)).toEqual([]);
  });

  it("for the end run once, where the container is deleted while it is made", async () => {
    const [asked, go, ended] = ["asked", "go", "ended"].map((name) => oci.file(name));
    const wait = `echo >${asked}; until [ -e ${go} ]; do sleep 0.01; done`;
    const bundle = oci.bundle("deleted", "true", (config) => {
      config.hooks = {
        createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", wait], env: ["PATH=/bin"] }],
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo once >>${ended}`] }],
      };
    });
    const creation = oci.run(["create", "--bundle", bundle, "deleted"]);
    await fileAppears(asked ?? "");
    await oci.succeed(["delete", "--force", "deleted"]);
    writeFileSync(go ?? "", "");
    expect((await creation).status).toBe(1);
    expect(oci.read("ended")).toBe("once\n");
  });

  it("for the end run once, where the container's own run deletes it as well", async () => {
    const bundle = oci.bundle("twice", "echo runs; sleep 1000", (config) => {
      config.hooks = {
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo once >>${oci.file("stopped")}`] }],
      };
    });
    const run = oci.start(["run", "--bundle", bundle, "twice"]);
    await once(run.stdout as NonNullable<typeof run.stdout>, "data");
    const deletions = [1, 2].map(() => oci.succeed(["delete", "--force", "twice"]));
    expect((await Promise.all(deletions)).map(({ stderr }) => stderr)).toEqual(["", ""]);
    if (run.exitCode === null) await once(run, "exit");
    expect(oci.read("stopped")).toBe("once\n");
  });

  it("may print as much as they like", async () => {
    const loud = { path: "/bin/sh", args: ["sh", "-c", "head -c 3000000 /dev/zero"] };
    const hook = [{ ...loud, env: ["PATH=/bin:/usr/bin"] }];
    const hooks = { prestart: hook, createContainer: hook, poststart: hook, poststop: hook };
    const printed = await oci.output("loud", "echo ran", (config) => {
      config.hooks = hooks;
    });
    expect(printed).toBe("ran\n");
  });

  it("that end the container's first process end its start, which says so", async () => {
    const ender = oci.file("ender");
    writeFileSync(ender, `#!/bin/sh\nkill -9 $(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')\n`);
    chmodSync(ender, 0o755);
    const bundle = oci.bundle("ended", "true", (config) => {
      config.hooks = { createRuntime: [{ path: ender, args: ["ender"] }] };
    });
    for (let round = 0; round < 8; round += 1) {
      const { stderr } = await oci.run(["run", "--bundle", bundle, "ended"]);
      expect(stderr).toContain("init was killed by signal 9");
    }
  });

  it("stop the container when one fails, or takes too long", async () => {
    const good = { path: "/bin/sh", args: ["sh", "-c", "true"] };
    const failing = { path: "/bin/sh", args: ["sh", "-c", "echo because >&2; exit 3"] };
    for (const name of ["prestart", "createContainer", "startContainer"]) {
      const bundle = oci.bundle(`fails-${name}`, "echo ran", (config) => {
        config.hooks = { [name]: [good, failing] };
      });
      const result = await oci.run(["run", "--bundle", bundle, "fails"]);
      expect(result.status).not.toBe(0);
      expect(result.stdout).toBe("");
      expect(result.stderr).toContain("because");
      expect(result.stderr).toContain(`run hook /bin/sh (/hooks/${name}/1)`);
    }
    const late = oci.bundle("fails-poststop", "echo ran", (config) => {
      config.hooks = { poststop: [good, failing] };
    });
    const ended = await oci.succeed(["run", "--bundle", late, "late"]);
    expect(ended.stderr).toContain("run hook /bin/sh (/hooks/poststop/1)");
    const slow = oci.bundle("slow", "echo ran", (config) => {
      config.hooks = {
        createRuntime: [{ path: "/bin/sleep", args: ["sleep", "1000"], timeout: 1 }],
      };
    });
    const result = await oci.run(["run", "--bundle", slow, "slow"]);
    expect(result.stdout).toBe("");
    expect(result.stderr).toContain("run hook /bin/sleep (/hooks/createRuntime/0)");
    expect(result.stderr).toContain("no end after 1000 ms");
    const absent = oci.bundle("absent-hook", "echo ran", (config) => {
      config.hooks = { prestart: [{ path: "/absent/hook" }] };
    });
    expect((await oci.run(["run", "--bundle", absent, "slow"])).stderr).toContain(
      "run hook /absent/hook (/hooks/prestart/0): start /absent/hook: no such file",
    );
  });
});
