import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it, type TestContext } from "vitest";
import { requires } from "../support/must-work.ts";
import { isAlive } from "../support/proc.ts";
import { type Config, OciBundles } from "./oci-bundles.ts";
import { projectRoot, useStore } from "./support.ts";

// A pid namespace that is joined by a caller with rights, as a rootless engine is in its user
// namespace: the container is made outside of it (native/outside.h).

const store = useStore();
let oci: OciBundles;
let owner: number;
/** Into the engine's user namespace. */
let engine: readonly string[];

const inside = (...types: readonly string[]) => types.map((type) => ({ type }));

beforeAll(() => {
  oci = new OciBundles(store());
});

beforeEach(async () => {
  const bundle = oci.bundle("owner", "sleep 1000", ({ linux }) => {
    linux.namespaces = inside("mount", "pid", "ipc", "uts");
    delete linux.uidMappings;
    delete linux.gidMappings;
  });
  await oci.succeed(
    ["run", "--detach", "--bundle", bundle, "owner"],
    ["unshare", "--map-root-user"],
  );
  owner = (await oci.state("owner")).pid;
  engine = ["nsenter", "--preserve-credentials", "--user", "--target", String(owner)];
});

afterEach(async () => {
  await oci.succeed(["delete", "--force", "owner"], engine);
  expect(readdirSync(oci.root)).toEqual([]);
});

const places = [
  "in a user namespace of its own",
  "in the engine's user namespace",
  // Linux 6.17 knows the option pidns of proc (FSCONFIG_SET_FD); with EINVAL others refuse it.
  "in the engine's user namespace, on an older kernel",
  // Where mounts are changed by way of /proc.
  "in the engine's user namespace, before Linux 5.12",
] as const;
type Place = (typeof places)[number];
const denySyscall = join(projectRoot, "dist/native/deny-syscall");
const withoutPidns = "fsconfig=22/1:5";
const denied = new Map<Place, string>([
  [places[2], withoutPidns],
  [places[3], `${withoutPidns},mount_setattr`],
]);

/** Into the engine's user namespace, on a kernel as of that place. */
function engineAt(context: TestContext, place: Place): readonly string[] {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  if (place === places[0]) {
    requires(context, major > 6 || (major === 6 && minor >= 17), "fsconfig pidns: Linux 6.17");
  }
  const calls = denied.get(place);
  if (calls === undefined) return engine;
  requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
  return [...engine, denySyscall, calls];
}

/** A bundle among the owner's processes. */
function guestBundle(place: Place, script: string, change: (config: Config) => void = () => {}) {
  return oci.bundle("guest", script, (config) => {
    const { linux } = config;
    const own = place === places[0] ? ["user"] : [];
    const other = { type: "pid", path: `/proc/${owner}/ns/pid` };
    linux.namespaces = [...inside(...own, "mount", "ipc", "uts"), other];
    linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
    if (own.length === 0) {
      delete linux.uidMappings;
      delete linux.gidMappings;
    }
    change(config);
  });
}

it.for(places)("mounts each /proc of the processes that it joins, %s", async (place, context) => {
  const wrapper = engineAt(context, place);
  const script =
    "readlink /proc/self/ns/user; cat /proc/1/comm /more/1/comm; grep ' - proc ' /proc/self/mountinfo; echo >/proc/sys/kernel/domainname";
  const bundle = guestBundle(place, script, ({ linux, mounts }) => {
    linux.readonlyPaths = ["/proc/sys"];
    mounts[0].options = ["nosuid", "nodev", "noexec"];
    mounts.push({ destination: "/more", type: "proc", source: "proc", options: ["ro"] });
  });
  const { stdout, stderr } = await oci.run(["run", "--bundle", bundle, "guest"], wrapper);
  const [user, first, second, ...mounted] = stdout.trimEnd().split("\n");
  expect(user === readlinkSync(`/proc/${owner}/ns/user`)).toBe(place !== places[0]);
  expect([first, second]).toEqual(["sleep", "sleep"]);
  expect(mounted.map((line) => line.split(" ").slice(4, 6))).toEqual([
    ["/proc", expect.stringMatching(/^rw,nosuid,nodev,noexec\b/)],
    ["/more", expect.stringMatching(/^ro\b/)],
    ["/proc/sys", expect.stringMatching(/^ro,nosuid,nodev,noexec\b/)],
  ]);
  expect(stderr).toContain("Read-only file system");
});

it.for(places)("is made with all that its configuration has, %s", async (place, context) => {
  const wrapper = engineAt(context, place);
  const script = [
    "hostname; pwd; umask; ulimit -n; echo $(ls /proc/self/fd); cat /dev/volume",
    "wc -c </proc/version; read pid name state parent group session rest </proc/self/stat",
    '[ "$pid $group $session" = "$$ $$ $$" ] && echo leads; [ "$parent" = 0 ] && echo no parent',
    "sed -n 's/^NoNewPrivs:.//p;s/^CapEff:.//p' /proc/self/status; cut -d' ' -f19,41 /proc/self/stat",
  ].join("\n");
  const volume = oci.file("volume");
  writeFileSync(volume, "contents\n");
  const bundle = guestBundle(place, script, (config) => {
    const { process, mounts, linux } = config;
    config.hostname = "guest";
    process.cwd = "/home";
    process.user.umask = 0o27;
    process.noNewPrivileges = true;
    process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
    process.scheduler = { policy: "SCHED_BATCH", nice: 7 };
    const sets = ["CAP_KILL", "CAP_CHOWN"];
    process.capabilities = { bounding: sets, permitted: sets, effective: sets };
    mounts.push({ destination: "/dev/volume", source: volume, options: ["bind", "ro"] });
    linux.maskedPaths = ["/proc/version"];
  });
  const { stdout, stderr } = await oci.run(["run", "--bundle", bundle, "guest"], wrapper);
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    ...["guest", "/home", "0027", "100", "0 1 2 3", "contents", "0", "leads", "no parent"],
    ...["0000000000000021", "1", "7 3", ""],
  ]);
});

it("may be looked at by its own, as what is executed in a container", async () => {
  const sets = ["CAP_NET_RAW"];
  const script = "grep -z ^PATH= /proc/$$/environ; true";
  const bundle = guestBundle(places[1], script, ({ process }) => {
    process.capabilities = { bounding: sets, permitted: sets, effective: sets };
    process.noNewPrivileges = false;
  });
  const { stdout } = await oci.succeed(["run", "--bundle", bundle, "guest"], engine);
  expect(stdout).toMatch(/^PATH=/);
  const executed = ["exec", "--cap", "CAP_NET_RAW", "owner", "sh", "-c", script];
  expect((await oci.succeed(executed, engine)).stdout).toMatch(/^PATH=/);
});

it("has its capabilities, as what is executed, where its engine can gain no privileges", async () => {
  // As a service with systemd's NoNewPrivileges=: execve(2) gives root nothing then.
  const wrapper = [...engine, "setpriv", "--no-new-privs"];
  const script = "sed -n 's/^CapPrm:.//p' /proc/self/status";
  const bundle = guestBundle(places[1], script, ({ process }) => {
    const sets = ["CAP_CHOWN", "CAP_SYS_PTRACE"];
    process.capabilities = { bounding: sets, permitted: sets, effective: sets };
    process.noNewPrivileges = false;
  });
  const { stdout } = await oci.succeed(["run", "--bundle", bundle, "guest"], wrapper);
  expect(stdout).toBe("0000000000080001\n");
  const executed = ["exec", "--cap", "CAP_SYS_PTRACE", "owner", "sh", "-c", script];
  expect(BigInt(`0x${(await oci.succeed(executed, wrapper)).stdout.trim()}`) & 0x80000n).not.toBe(
    0n,
  );
});

it.for(places)(
  "goes through its states, and its hooks get a process of its, %s",
  async (place, context) => {
    const wrapper = engineAt(context, place);
    const hook = oci.file("record");
    const log = oci.file("hooks.log");
    writeFileSync(
      hook,
      `#!/bin/sh
pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
echo "$1 $pid $(readlink /proc/$pid/ns/uts)" >>${log}
`,
    );
    chmodSync(hook, 0o755);
    const bundle = guestBundle(place, "sleep 1000", (config) => {
      const named = (name: string) => [{ path: hook, args: ["record", name] }];
      config.hooks = {
        prestart: named("prestart"),
        createRuntime: named("createRuntime"),
        poststart: named("poststart"),
      };
    });
    const pidFile = oci.file("guest.pid");
    await oci.succeed(["create", "--bundle", bundle, "--pid-file", pidFile, "guest"], wrapper);
    const { pid, status } = await oci.state("guest");
    expect([String(pid), status]).toEqual([readFileSync(pidFile, "utf8"), "created"]);
    const namespace = readlinkSync(`/proc/${pid}/ns/uts`);
    expect(readlinkSync(`/proc/${pid}/ns/pid`)).toBe(readlinkSync(`/proc/${owner}/ns/pid`));
    await oci.succeed(["start", "guest"], wrapper);
    expect((await oci.state("guest")).status).toBe("running");
    const records = readFileSync(log, "utf8").trimEnd().split("\n");
    expect(records.map((line) => line.split(" "))).toEqual([
      ["prestart", expect.stringMatching(/^[1-9]/), namespace],
      ["createRuntime", expect.stringMatching(/^[1-9]/), namespace],
      ["poststart", String(pid), namespace],
    ]);
    expect((await oci.succeed(["exec", "guest", "cat", "/proc/1/comm"], wrapper)).stdout).toBe(
      "sleep\n",
    );
    await oci.succeed(["delete", "--force", "guest"], wrapper);
    expect([isAlive(pid), isAlive(owner)]).toEqual([false, true]);
    rmSync(log);
  },
);

it.for(places)(
  "leaves nothing when it cannot be made, and says why, %s",
  async (place, context) => {
    const wrapper = engineAt(context, place);
    const cases: readonly (readonly [string, (config: Config) => void])[] = [
      [
        "mount nofs on /place (/mounts/4)",
        ({ mounts }) => mounts.push({ destination: "/place", type: "nofs", source: "x" }),
      ],
      [
        "run hook /bin/false (/hooks/createRuntime/0)",
        (config) => (config.hooks = { createRuntime: [{ path: "/bin/false" }] }),
      ],
      ["mount proc on /proc (/mounts/0)", ({ mounts }) => (mounts[0].options = ["hidepid=some"])],
      ["change directory", ({ process }) => (process.cwd = "/bin/sh")],
      ["run /none", ({ process }) => (process.args = ["/none"])],
      [
        "set limit nofile (/process/rlimits/0)",
        ({ process }) =>
          (process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 2 ** 40, hard: 2 ** 40 }]),
      ],
    ];
    for (const [words, change] of cases) {
      const bundle = guestBundle(place, "true", change);
      const { status, stderr } = await oci.run(["create", "--bundle", bundle, "guest"], wrapper);
      expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
      expect(readdirSync(oci.root)).toEqual(["owner"]);
    }
  },
);

it("has no part in joined processes where it cannot have their /proc", async (context) => {
  requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
  const bundle = guestBundle(places[0], "true");
  const before = [...engine, denySyscall, withoutPidns];
  const { status, stderr } = await oci.run(["create", "--bundle", bundle, "guest"], before);
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining("that of processes which are joined takes Linux 6.17"),
  ]);
});
