import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requires } from "../../support/must-work.ts";
import { projectRoot } from "../support.ts";

// containerd's shim (containerd-shim-runc-v2), which Docker uses too, calls the runtime: create with
// pid files, logs, fifos and console sockets, exec with process files, and waits for what it has made
// as a subreaper.  In namespaces of its own, with which everything ends.

const execute = promisify(execFile);
const ociPath = join(projectRoot, "bin/tsman-oci");
/** What it takes, by where Debian has it. */
const missing = ["containerd", "ctr", "containerd-shim-runc-v2"].filter(
  (name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0,
);
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "containerd-"));
  for (const name of ["bin", "etc", "tmp", "proc", "sys", "dev"]) {
    await mkdir(join(directory, "rootfs", name), { recursive: true });
  }
  await cp("/bin/busybox", join(directory, "rootfs/bin/busybox"));
  for (const name of [
    "sh",
    "cat",
    "cut",
    "echo",
    "grep",
    "id",
    "mknod",
    "mount",
    "sleep",
    "tty",
    "true",
  ]) {
    await symlink("busybox", join(directory, "rootfs/bin", name));
  }
  await writeFile(
    join(directory, "containerd.toml"),
    [
      "version = 2",
      `root = "/run/test/root"`,
      `state = "/run/test/state"`,
      `disabled_plugins = ["io.containerd.grpc.v1.cri"]`,
      "[grpc]",
      `  address = "/run/test/socket"`,
    ].join("\n"),
  );
});
afterAll(async () => await rm(directory, { recursive: true, force: true }));

interface Step {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script with a containerd in which `step NAME COMMAND…` notes what comes of a command. */
async function withContainerd(script: string): Promise<(name: string) => Step> {
  const whole = `
    set -eu
    umount --recursive --lazy /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
    group=/sys/fs/cgroup/tsman-test-$$-$RANDOM$RANDOM
    mkdir $group $group/callers; echo $$ >$group/callers/cgroup.procs
    mount -t tmpfs tmpfs /run; mkdir /run/test
    containerd --config ${directory}/containerd.toml >/run/test/log 2>&1 & daemon=$!
    end() {
      kill $daemon; wait $daemon || true
      echo $$ >/sys/fs/cgroup/cgroup.procs
      for i in $(seq 100); do grep -q 'populated 0' $group/cgroup.events && break; sleep 0.1; done
      find $group -depth -type d -exec rmdir '{}' ';'
    }
    trap end EXIT
    for i in $(seq 600); do [ -S /run/test/socket ] && break; sleep 0.1; done
    C="ctr --address /run/test/socket"
    run="$C run --runc-binary ${ociPath}"
    rest="--cgroup \${group#/sys/fs/cgroup}/one --rootfs ${directory}/rootfs one"
    finish() {
      $C task kill --signal KILL one
      for i in $(seq 100); do $C task ls | grep -q STOPPED && break; sleep 0.1; done
      $C task delete one
    }
    step() {
      local name=$1 status=0
      shift
      timeout 60 "$@" >/run/test/out 2>/run/test/err </dev/null || status=$?
      printf '\\n@@ %s %s %s %s\\n' $name $status "$(base64 -w0 /run/test/out)=" "$(base64 -w0 /run/test/err)="
    }
    ${script}`;
  const namespaces = ["--mount", "--pid", "--fork", "--net", "--kill-child", "--mount-proc"];
  const { stdout, stderr } = await execute(
    "unshare",
    [...namespaces, "--propagation", "private", "bash", "-c", whole],
    { env: { PATH: process.env.PATH, HOME: directory } },
  );
  const text = (word = ""): string => Buffer.from(word.slice(0, -1), "base64").toString();
  return (name) => {
    const line = stdout.split("\n").find((one) => one.startsWith(`@@ ${name} `));
    if (line === undefined) throw new Error(`no step ${name} in:\n${stdout}\n${stderr}`);
    const [, , status, out, err] = line.split(" ");
    return { status: Number(status), stdout: text(out), stderr: text(err) };
  };
}

const succeeded = ({ status, stdout, stderr }: Step): string => {
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
};

describe("containerd", () => {
  it("runs, executes in, pauses and ends containers", async (context) => {
    requires(context, missing.length === 0, `not installed: ${missing.join(", ")}`);
    const step = await withContainerd(`
      step run $run --rm $rest echo ran
      step status $run --rm $rest sh -c 'exit 3'
      step nothing $run --rm $rest nowhere
      step detached $run --detach $rest sleep 1000
      step exec $C task exec --exec-id first one echo inside
      # What ends before the runtime does is waited for by the shim all the same.
      for i in 1 2 3 4 5 6; do
        step exit$i $C task exec --exec-id exit$i one sh -c 'exit 4'
      done
      step group cat $group/one/cgroup.procs
      step shell script --quiet --return --command "$C task exec --tty --exec-id shell one tty" /dev/null
      step pause $C task pause one
      step frozen cat $group/one/cgroup.freeze
      step paused $C task ls
      step resume $C task resume one
      finish
      step remove $C container rm one
      step terminal script --quiet --return --command "$run --rm --tty $rest tty" /dev/null
      step left find $group -name one
    `);
    expect(succeeded(step("run"))).toBe("ran\n");
    expect(step("status").status).toBe(3);
    expect(step("nothing").status).toBe(1);
    expect(step("nothing").stderr).toContain("executable file not found in $PATH");
    succeeded(step("detached"));
    expect(succeeded(step("exec"))).toBe("inside\n");
    for (const number of [1, 2, 3, 4, 5, 6]) expect(step(`exit${number}`).status).toBe(4);
    expect(succeeded(step("group")).trim().split("\n")).toHaveLength(1);
    expect(step("shell").stdout).toContain("/dev/pts/0");
    succeeded(step("pause"));
    expect(succeeded(step("frozen"))).toBe("1\n");
    expect(succeeded(step("paused"))).toContain("PAUSED");
    succeeded(step("resume"));
    succeeded(step("remove"));
    expect(step("terminal").stdout).toContain("/dev/pts/0");
    expect(succeeded(step("left"))).toBe("");
  });

  it("has root's containers kept from the host's devices", async (context) => {
    requires(context, missing.length === 0, `not installed: ${missing.join(", ")}`);
    // /dev/mem and the kernel's messages, as nodes that the container makes itself.
    const step = await withContainerd(`
      step memory $run --rm $rest sh -c 'mknod /tmp/mem c 1 1; cat </tmp/mem'
      step messages $run --rm $rest sh -c 'mknod /tmp/kmsg c 1 11; echo forged >/tmp/kmsg'
      step zero $run --rm $rest sh -c 'mknod /tmp/null c 1 3; echo x >/tmp/null && echo written'
      step exec $run --detach $rest sleep 1000
      step inside $C task exec --exec-id first one sh -c 'echo forged >/tmp/kmsg'
      finish
    `);
    for (const name of ["memory", "messages", "inside"]) {
      expect(step(name).stderr).toContain("Operation not permitted");
      expect(step(name).status).not.toBe(0);
    }
    expect(succeeded(step("zero"))).toBe("written\n");
  });

  it("gives a privileged container all that root has here, and covers nothing", async (context) => {
    requires(context, missing.length === 0, `not installed: ${missing.join(", ")}`);
    const script = [
      "grep -E '^(CapEff|Seccomp):' /proc/self/status",
      "mount -t tmpfs none /tmp && echo mounted",
      // Of /proc and /sys themselves, and of what would be mounted on parts of them.
      "grep -E ' /(proc|sys)[^ ]* ' /proc/self/mountinfo | cut -d' ' -f5,6 | cut -d, -f1",
      "mknod /tmp/kmsg c 1 11 && : </tmp/kmsg && echo opened",
    ].join("; ");
    const step = await withContainerd(`step run $run --rm --privileged $rest sh -c "${script}"`);
    const own = /^CapPrm:\t(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    const [capabilities, filter, mounted, ...mounts] = succeeded(step("run")).trim().split("\n");
    expect(capabilities).toBe(`CapEff:\t${own}`);
    expect([filter, mounted]).toEqual(["Seccomp:\t0", "mounted"]);
    expect(mounts).toEqual(["/proc rw", "/sys rw", "opened"]);
  });

  it("gives root's containers what Docker's configurations have", async (context) => {
    requires(context, missing.length === 0, `not installed: ${missing.join(", ")}`);
    // A filter without no_new_privs for another user than root, and all of the host's devices.
    await writeFile(join(directory, "docker.json"), JSON.stringify(dockerConfig()));
    const step = await withContainerd(`
      sed "s|GROUP|\${group#/sys/fs/cgroup}/one|" ${directory}/docker.json >/run/test/docker.json
      step run $run --rm --config /run/test/docker.json one
    `);
    expect(succeeded(step("run")).split("\n")).toEqual([
      ...["uid=7 gid=8 groups=8,9", "CapEff:\t0000000000000000", "Seccomp:\t2"],
      ...["/dev/pts/ptmx", "odd", ""],
    ]);
  });
});

function dockerConfig() {
  const script =
    'id; while read -r line; do case $line in CapEff*|Seccomp:*) echo "$line"; esac; done </proc/self/status; ' +
    "cd /dev; busybox readlink -f ptmx; echo odd >odd; busybox test -c odd && echo odd";
  return {
    ociVersion: "1.0.2-dev",
    process: {
      user: { uid: 7, gid: 8, additionalGids: [8, 9] },
      args: ["sh", "-c", script],
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: Object.fromEntries(
        ["bounding", "permitted", "inheritable"].map((set) => [set, ["CAP_CHOWN", "CAP_KILL"]]),
      ),
      oomScoreAdj: 0,
    },
    root: { path: join(directory, "rootfs") },
    hostname: "docker",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec"] },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
    ],
    linux: {
      cgroupsPath: "GROUP",
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
          { allow: true, type: "c", major: -1, minor: -1, access: "m" },
        ],
        memory: {},
        cpu: { shares: 0 },
        blockIO: { weight: 0 },
      },
      namespaces: ["mount", "network", "uts", "pid", "ipc"].map((type) => ({ type })),
      devices: [
        { path: "/dev/ptmx", type: "c", major: 5, minor: 2, fileMode: 0o666, uid: 0, gid: 0 },
        { path: "/dev/odd", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
      ],
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["reboot"], action: "SCMP_ACT_ERRNO" }],
      },
      maskedPaths: ["/proc/kcore", "/proc/keys"],
      readonlyPaths: ["/proc/sys"],
    },
  };
}
