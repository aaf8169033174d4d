import { readdirSync } from "node:fs";
import { availableParallelism, hostname, release, totalmem, userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectedIdMap } from "../support/subordinate-ids.ts";
import { useStore } from "./support.ts";
import { runWrapped } from "./wrapped.ts";

const store = useStore();

interface Check {
  readonly id: string;
  readonly title: string;
  readonly status: "ok" | "limited" | "broken";
  readonly found: string;
  readonly consequence?: string;
  readonly remedy?: string;
  readonly isFatal: boolean;
}

interface Report {
  readonly canRun: boolean;
  readonly checks: readonly Check[];
}

const words = { ok: "ok", limited: "works with a limit", broken: "broken" };

describe("doctor", () => {
  it("finds that containers run here, by running one, and leaves nothing of it", async () => {
    const { status, stdout } = await store().run(["doctor"]);
    expect(stdout).toContain("ran one from the embedded image");
    expect(stdout).toMatch(/\ntsman run works on this host\.\n$/);
    expect(status).toBe(0);
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
    expect(readdirSync(store().runtimeDir)).toEqual([]);
  });

  it("says the same in lines and with --json", async () => {
    const lines = (await store().succeed(["doctor"])).stdout;
    const report = JSON.parse((await store().succeed(["doctor", "--json"])).stdout) as Report;
    expect(report.canRun).toBe(true);
    expect(report.checks.length).toBeGreaterThan(12);
    for (const check of report.checks) {
      expect(lines, check.id).toContain(`${words[check.status]}: ${check.found}`);
      if (check.consequence !== undefined) expect(lines).toContain(`so: ${check.consequence}`);
      if (check.remedy !== undefined) expect(lines).toContain(`do: ${check.remedy}`);
      if (check.status !== "ok") {
        expect(check.consequence, check.id).toBeTruthy();
        expect(check.remedy, check.id).toBeTruthy();
      }
    }
    const titles = lines.split("\n").filter((line) => /^\S.* {2,}(ok|works|broken)/.test(line));
    expect(titles.map((line) => line.split(/ {2,}/)[0])).toEqual(
      report.checks.map((check) => check.title).filter((title) => title.length > 0),
    );
  });

  it("ends with 1, and names setting and remedy, where user namespaces are forbidden", async () => {
    const forbidden = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"';
    const wrapper = ["unshare", "--map-root-user", "sh", "-c", forbidden, "sh"] as const;
    const inLines = await runWrapped(store(), wrapper, ["doctor"]);
    expect(inLines.stdout).toMatch(/^user namespaces +broken: .*user\.max_user_namespaces = 0/m);
    expect(inLines.stdout).toContain("sysctl -w user.max_user_namespaces=");
    expect(inLines.stdout).toMatch(/\ntsman run cannot work on this host: user namespaces/);
    expect(inLines.status).toBe(1);
    const inJson = await runWrapped(store(), wrapper, ["doctor", "--json"]);
    const report = JSON.parse(inJson.stdout) as Report;
    expect(inJson.status).toBe(1);
    expect(report.canRun).toBe(false);
    const broken = report.checks.filter((check) => check.status === "broken");
    expect(broken.map((check) => check.id)).toContain("user-namespaces");
    expect(broken.some((check) => check.isFatal)).toBe(true);
  });

  it("names what helps in an outer container with one id, which no command inside does", async () => {
    for (const wrapper of [
      ["unshare", "--map-root-user"],
      ["unshare", "--map-user=1000", "--map-group=1000"],
    ] as const) {
      const { stdout } = await runWrapped(store(), wrapper, ["doctor", "--json"]);
      const { checks } = JSON.parse(stdout) as Report;
      const check = checks.find(({ id }) => id === "subordinate-ids");
      expect(check?.found).toMatch(/one id only: the outer container/);
      expect(check?.remedy).toMatch(/^start the outer container with subordinate ids/);
    }
  });
});

describe("doctor finds", () => {
  /** The check `id` on a host that `script`, as root of namespaces of its own, has changed. */
  async function found(id: string, script: string): Promise<Check> {
    const { stdout, stderr } = await runWrapped(
      store(),
      [
        ...(["unshare", "--map-auto", "--map-root-user", "--mount", "--net"] as const),
        ...["sh", "-c", `set -e; ${script}; exec "$@"`, "sh"],
      ],
      ["doctor", "--json"],
    );
    expect(stderr).toBe("");
    const { checks } = JSON.parse(stdout) as Report;
    const check = checks.find((one) => one.id === id);
    if (check === undefined) throw new Error(`there is no check ${id}: ${stdout}`);
    return check;
  }

  it.each([
    [
      "slirp4netns",
      "mount --bind /dev/null /usr/bin/slirp4netns",
      { status: "broken", found: "not installed", remedy: "sudo apt install slirp4netns" },
    ],
    ["tun", "mount -t tmpfs none /dev/net", { status: "broken", found: "missing" }],
    [
      "linger",
      "mount -t tmpfs none /run; mkdir -p /run/systemd/system",
      { status: "limited", remedy: "loginctl enable-linger root" },
    ],
    ["linger", "mount -t tmpfs none /run", { status: "ok" }],
    [
      "low-ports",
      "echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start",
      { status: "ok", found: "ports from 80 on may be published" },
    ],
    ["ping", "echo 0 0 >/proc/sys/net/ipv4/ping_group_range", { status: "ok" }],
    [
      "ping",
      "echo 5 6 >/proc/sys/net/ipv4/ping_group_range",
      { status: "limited", found: "net.ipv4.ping_group_range = 5 6" },
    ],
  ] as const)("%s: after %s", async (id, script, expected) => {
    expect(await found(id, script)).toMatchObject(expected);
  });
});

/** Without what changes from moment to moment. */
function resting(text: string): string {
  return text.replace(/^.*"?(?:uptime|memFree|swapFree|graphRootUsed|\w+Percent)"?:.*\n/gm, "");
}

describe("info", () => {
  it("has the facts of this host and this store", async () => {
    await store().succeed("run --rm --network none busybox true".split(" "));
    const { stdout } = await store().succeed(["info", "--format", "json"]);
    const info = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    const { uid, gid, username } = userInfo();
    const arch = process.arch === "x64" ? "amd64" : process.arch;
    expect(info.host).toMatchObject({ kernel: release(), arch, os: "linux", hostname: hostname() });
    expect(info.host?.memTotal).toBe(totalmem());
    expect(info.host?.cpus).toBe(availableParallelism());
    expect(info.ids).toMatchObject({
      uid,
      gid,
      user: username,
      isNested: false,
      hasOneId: false,
      uidMap: expectedIdMap("uid"),
      gidMap: expectedIdMap("gid"),
    });
    expect(info.store).toMatchObject({
      graphRoot: store().root,
      runRoot: store().runtimeDir,
      graphDriverName: "overlay",
      rootfsDriver: "overlay",
      fuseOverlayfs: { version: expect.stringMatching(/^fuse-overlayfs.*\d/) },
      imageStore: { number: 1 },
      containerStore: { number: 0, paused: 0, running: 0, stopped: 0 },
    });
    expect(info.network?.slirp4netns).toMatchObject({
      version: expect.stringMatching(/^slirp4netns version \d/),
    });
    expect(info.version?.tsman).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("has Podman's fields, and those of Docker's that scripts ask for", async () => {
    await store().succeed("create --quiet --name counted --replace busybox true".split(" "));
    const facts: readonly (readonly [template: string, text: string | RegExp])[] = [
      ["{{.Host.Arch}} {{.Host.OS}} {{.Host.Kernel}}", /^(amd64|arm64) linux \d+\.\d+/],
      ["{{.Host.Security.Rootless}} {{.Host.Security.SECCOMPEnabled}}", "true true"],
      ["{{.Host.Security.DefaultCapabilities}}", /^CAP_CHOWN,/],
      ["{{.Host.CgroupVersion}} {{.Host.CgroupsVersion}}", /^(v1 v1|v2 v2|none none)$/],
      ["{{range .Host.IDMappings.UIDMap}}{{.HostID}} {{end}}", /^\d+ \d+ $/],
      ["{{(index .Host.IDMappings.UIDMap 0).HostID}}", String(userInfo().uid)],
      ["{{.Host.Slirp4NetNS.Executable}}", /\/slirp4netns$/],
      ["{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}", /^tsman-native \/.*tsman-native$/],
      ["{{.Host.CPUs}} {{.NCPU}}", `${availableParallelism()} ${availableParallelism()}`],
      ["{{.Host.Distribution.Distribution}}", /^[a-z]+$/],
      ["{{.Store.GraphRoot}}", store().root],
      ["{{.Store.RunRoot}}", store().runtimeDir],
      ["{{.Store.GraphDriverName}} {{.Driver}}", "overlay overlay"],
      ["{{.Store.ImageStore.Number}} {{.Images}}", "1 1"],
      ["{{.Store.ContainerStore.Number}} {{.Store.ContainerStore.Stopped}}", "1 1"],
      ["{{.Containers}} {{.ContainersStopped}} {{.ContainersRunning}}", "1 1 0"],
      ["{{index .Registries.search 0}}", "docker.io"],
      ["{{.Version.Version}} {{.ServerVersion}}", /^(\d+\.\d+\.\d+) \1$/],
      ["{{.OSType}} {{.Architecture}}", /^linux (x86_64|aarch64)$/],
      ["{{.MemTotal}}", String(totalmem())],
      ["{{.CgroupDriver}} {{.CgroupVersion}}", /^(none|systemd|cgroupfs) (1|2|none)$/],
      ["{{.SecurityOptions}}", "[name=seccomp,profile=builtin name=rootless name=cgroupns]"],
      ["{{.DockerRootDir}}", store().root],
      ["{{.Swarm.LocalNodeState}}", "inactive"],
    ];
    const separator = "\n--\n";
    const format = facts.map(([template]) => template).join(separator);
    const { stdout } = await store().succeed(["info", "--format", format]);
    const texts = stdout.replace(/\n$/, "").split(separator);
    for (const [index, [template, expected]] of facts.entries()) {
      if (typeof expected === "string")
        expect([template, texts[index]]).toEqual([template, expected]);
      else expect(texts[index], template).toMatch(expected);
    }
    await store().succeed("rm counted".split(" "));
    const version = "{{.Client.Version}} {{.Server.Version}} {{.Version}}";
    const { stdout: numbers } = await store().succeed(["version", "--format", version]);
    expect(numbers).toMatch(/^(\d+\.\d+\.\d+) \1 \1\n$/);
  });

  it("refuses a field that it has no truth about", async () => {
    const { status, stderr } = await store().run(["info", "--format", "{{.Host.Conmon}}"]);
    expect(status).toBe(125);
    expect(stderr).toContain("no field .Conmon");
  });

  it("says the same with --json as with --format json", async () => {
    const { stdout } = await store().succeed(["info", "--json"]);
    const { stdout: other } = await store().succeed(["info", "--format", "json"]);
    expect(resting(stdout)).toBe(resting(other));
  });

  it("says the same for people, in YAML", async () => {
    const { stdout } = await store().succeed(["info"]);
    const { stdout: other } = await store().succeed(["info", "--format", "yaml"]);
    expect(resting(other)).toBe(resting(stdout));
    for (const fact of [release(), store().root, store().runtimeDir, "overlay"]) {
      expect(stdout).toContain(fact);
    }
  });
});

describe("run --explain", () => {
  /** An option and, of the line that it makes, the beginning. */
  const options: readonly (readonly [option: string, value: string, line: string])[] = [
    ["--hostname", "chosen", "on host chosen"],
    ["--env", "NAME=value", "NAME=value"],
    ["--cap-add", "NET_ADMIN", "CAP_CHOWN .*CAP_NET_ADMIN"],
    ["--tmpfs", "/scratch:size=1m", "tmpfs tmpfs on /scratch .*size=1048576"],
    ["--workdir", "/tmp", "in /tmp"],
    ["--user", "1000:1001", "as 1000:1001"],
    ["--umask", "027", "umask 0027"],
    ["--ulimit", "core=0:0", "core 0:0"],
    ["--sysctl", "net.ipv4.ip_forward=1", "net.ipv4.ip_forward = 1"],
    ["--network", "none", "new network"],
    ["--shm-size", "1m", "tmpfs shm on /dev/shm .*size=1048576"],
    ["--entrypoint", "/bin/echo", 'run \\["/bin/echo","some","words"\\]'],
    ["--device", "/dev/fuse", "/dev/fuse as /dev/fuse"],
    ["--security-opt", "no-new-privileges", "no new privileges"],
    ["--log-driver", "none", "tsman-monitor, on the host: keeps no log"],
    ["--health-cmd", "test -e /ready", '.*"test -e /ready".*, inside, every 30 s'],
    ["--stop-signal", "USR1", "stop sends USR1"],
    ["--stop-timeout", "3", "stop kills what is left after 3 s"],
    ["--timeout", "7", "killed after 7 s"],
    ["--restart", "always", "started again: always"],
    ["--pidfile", "/tmp/its.pid", "/tmp/its.pid, on the host"],
  ];

  it("names what every option makes, and the option, and starts nothing", async () => {
    const source = join(store().scratch, "explained");
    const { stdout } = await store().succeed([
      ..."run --explain".split(" "),
      ...options.flatMap((row) => row.slice(0, 2)),
      ...["--volume", `${store().scratch}:/explained:ro`, "--cidfile", source],
      ...["busybox", "some", "words"],
    ]);
    // A long line's reason stands on the next one.
    const lines = stdout.replace(/\n {6,}<-/g, " <-");
    for (const [option, , line] of options) {
      expect(lines, option).toMatch(new RegExp(`^ +${line}.* <- ${option}`, "m"));
    }
    expect(stdout).toMatch(/-v .*:\/explained/);
    expect(stdout).toMatch(/^ {2}container 0 = host \d+ +<- you/m);
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
    expect(readdirSync(join(store().root, "containers"))).toEqual([]);
    expect(readdirSync(store().scratch)).not.toContain("explained");
  });

  it("names ports, and the processes on the host and inside", async () => {
    const { stdout } = await store().succeed(
      "run --explain --rm --init -p 127.0.0.1:18080:80 busybox true".split(" "),
    );
    const lines = stdout.replace(/\n {6,}<-/g, " <-");
    expect(lines).toMatch(/127\.0\.0\.1:18080.*80.*<- -p/);
    const processes = /^processes:\n(.*?)\n\n/ms.exec(lines)?.[1];
    expect(processes?.split("\n")).toEqual([
      expect.stringMatching(
        /^ {2}tsman-monitor, .* the log to .*ctr\.log \(k8s-file\) .*<- default$/,
      ),
      expect.stringMatching(/^ {2}.*newuidmap and .*newgidmap, .* <- .* your subordinate ids$/),
      expect.stringMatching(/^ {2}slirp4netns .*--disable-host-loopback.* <- default$/),
      expect.stringMatching(/^ {2}tsman-init, inside: process 1.* <- --init$/),
      expect.stringMatching(/^ {2}\["true"\], inside +<- command line$/),
    ]);
    expect(lines).toMatch(/^ {2}removed +<- --rm$/m);
  });

  it("says what is left out, and who asked for that", async () => {
    const { stdout } = await store().succeed(
      "run --explain --network none --security-opt seccomp=unconfined busybox true".split(" "),
    );
    expect(stdout).toMatch(/^ {2}none +<- --security-opt seccomp=unconfined$/m);
    expect(stdout).toMatch(/^ {2}new privileges through setuid programs +<- default$/m);
  });

  it("says the same with =json, where every entry has its reason", async () => {
    const { stdout } = await store().succeed(
      "run --explain=json --network none --hostname chosen busybox true".split(" "),
    );
    const { sections } = JSON.parse(stdout) as {
      sections: { title: string; entries: { what: string; because: string }[] }[];
    };
    const entries = sections.flatMap((section) => section.entries);
    expect(entries.filter((entry) => !entry.because || !entry.what)).toEqual([]);
    expect(entries).toContainEqual(
      expect.objectContaining({ what: expect.stringContaining("chosen"), because: "--hostname" }),
    );
    expect(sections.map((section) => section.title)).toEqual(
      expect.arrayContaining(["namespaces", "uid map", "mounts", "capabilities", "process"]),
    );
  });

  it("of options that cannot be is the error that the run would be", async () => {
    const args = "run --explain --network none --cap-add NO_SUCH busybox true".split(" ");
    const { status, stdout, stderr } = await store().run(args);
    expect(stderr).toContain("NO_SUCH");
    expect(stdout).toBe("");
    expect(status).toBe(125);
  });
});
