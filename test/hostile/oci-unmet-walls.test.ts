import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { byNode, type Config, OciBundles } from "../integration/oci-bundles.ts";
import { projectRoot, useStore } from "../integration/support.ts";
import { requires } from "../support/must-work.ts";

// S33: CVE-2025-65105 (security options that have no effect, and nobody says so), for the OCI
// runtime, whose containers have no monitor when their program starts.
const store = useStore();
const pretend = join(projectRoot, "dist/native/deny-syscall");
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

/** A filter that refuses reboot(2) and nothing else. */
const filter = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["reboot"], action: "SCMP_ACT_ERRNO" }],
};

const cases: readonly [string, (config: Config) => void, string][] = [
  ["setresuid=0/7", ({ process }) => (process.user.uid = 7), "verify uid"],
  ["setresgid=0/7", ({ process }) => (process.user.gid = 7), "verify gid"],
  [
    "setgroups=0/1",
    ({ process }) => (process.user.additionalGids = [7]),
    "verify additional groups (/process/user): the program would have others",
  ],
  [
    "capset=0",
    ({ process }) => (process.noNewPrivileges = true),
    "verify capabilities (/process/capabilities): the program would have CapPrm:",
  ],
  [
    "prctl=0/24",
    ({ process }) => (process.noNewPrivileges = true),
    "verify capabilities (/process/capabilities): the program would have CapBnd:",
  ],
  [
    "prlimit64=0",
    ({ process }) => (process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }]),
    "verify resource limits",
  ],
  [
    "mount_setattr=0",
    ({ linux }) => (linux.readonlyPaths = ["/proc/sys"]),
    "verify read-only path /proc/sys (/linux/readonlyPaths/0): it can be written to",
  ],
  [
    "mount_setattr=0",
    ({ root }) => (root.readonly = true),
    "verify read-only path / (/root/readonly): it can be written to",
  ],
  [
    "pwrite64=0",
    ({ process }) => (process.oomScoreAdj = 500),
    "verify oom score: it is 0, not 500",
  ],
];

describe("where a system call does nothing and says that it has", () => {
  // Bun asks for limits of its own and aborts without an answer; who plans the container says nothing here.
  it.for(cases)("(%s) neither run nor start goes on", async ([call, change, message], context) => {
    requires(context, existsSync(pretend), "dist/native/deny-syscall is not built");
    const bundle = oci.bundle("open", "sleep 1000", change);
    const run = await oci.run(["run", "--bundle", bundle, "open"], [...byNode, pretend, call]);
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(125);
    const created = await oci.run(
      ["create", "--bundle", bundle, "open"],
      [...byNode, pretend, call],
    );
    const started = created.status === 0 ? await oci.run(["start", "open"]) : created;
    expect(started.stderr).toContain(message);
    expect(started.status).toBe(1);
    await oci.succeed(["delete", "--force", "open"]);
    expect((await oci.succeed(["list", "--quiet"])).stdout).toBe("");
  });

  it.for([
    ["seccomp=0", "verify system call filter: the program runs without it"],
    ["prctl=0/24", "verify capabilities: the program has more than it may"],
  ] as const)("(%s) a program that runs is ended", async ([call, message], context) => {
    requires(context, existsSync(pretend), "dist/native/deny-syscall is not built");
    // Without no_new_privs the filter comes first, and only what the kernel tells afterwards counts.
    const bundle = oci.bundle("runs", "sleep 1000", ({ linux }) => (linux.seccomp = filter));
    await oci.succeed(["create", "--bundle", bundle, "runs"], [...byNode, pretend, call]);
    const started = await oci.run(["start", "runs"]);
    expect(started.stderr).toContain(message);
    expect(started.status).toBe(1);
    expect((await oci.state("runs")).status).toBe("stopped");
    await oci.succeed(["delete", "runs"]);
  });

  it("what a hook has uncovered again is noticed before the program runs", async () => {
    const bundle = oci.bundle("hook", "cat /proc/uptime", ({ linux }) => {
      linux.maskedPaths = ["/proc/uptime"];
    });
    await oci.succeed(["run", "--bundle", bundle, "hook"]);
    const uncovered = oci.bundle("hook", "cat /proc/uptime", (config) => {
      config.linux.maskedPaths = ["/proc/uptime"];
      config.hooks = {
        createContainer: [{ path: "/bin/busybox", args: ["umount", "-l", "proc/uptime"] }],
      };
    });
    const { status, stderr, stdout } = await oci.run(["run", "--bundle", uncovered, "hook"]);
    expect(stderr).toContain(
      "verify masked path /proc/uptime (/linux/maskedPaths/0): it is not masked",
    );
    expect([status, stdout]).toEqual([125, ""]);
  });
});
