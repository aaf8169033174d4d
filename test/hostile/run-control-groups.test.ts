import { describe, expect, it } from "vitest";
import { mountsOf, namespaceOf } from "../support/proc.ts";
import { useStage } from "./run-stage.ts";

// S11: CVE-2023-25809 (the host user's control groups are writable in a rootless container).  S12:
// CVE-2022-0492 (the release_agent of a cgroup v1 hierarchy names a program that the host runs).
const stage = useStage();

/** Says of every control group that it finds below `mounts` what can be written there. */
const tryAll = (mounts: string) =>
  [
    `for d in $(find ${mounts} -type d 2>/dev/null); do`,
    "  mkdir $d/tsman-probe 2>&- && { echo makes $d; rmdir $d/tsman-probe; }",
    "  for f in cgroup.procs tasks release_agent notify_on_release cgroup.subtree_control; do",
    // Opened, not written: what is opened for writing is found out without moving a process.
    "    [ -e $d/$f ] && (: >>$d/$f) 2>&- && echo takes $d/$f",
    "  done",
    "done",
  ].join("\n");

const everyCgroupMount = "$(awk '$3 ~ /^cgroup/ {print $2}' /proc/self/mounts) /sys/fs/cgroup";

const all = ["--cap-add=ALL", "--security-opt=seccomp=unconfined", "--security-opt=unmask=ALL"];

/** Every way to have the user, network and other namespaces that the tree could come in by. */
const combinations: readonly (readonly string[])[] = [
  [],
  ["--user=1000"],
  ["--userns=keep-id"],
  ["--userns=nomap"],
  ["--pid=host"],
  ["--network=host"],
  ["--security-opt=unmask=ALL"],
  ["--privileged"],
  ["--privileged", "--network=host", "--pid=host", "--ipc=host", "--uts=host"],
  [...all, "--userns=keep-id", "--user=0"],
];

describe("the host's control groups", () => {
  it.each(combinations.map((options) => [options.join(" ") || "the defaults", options] as const))(
    "are not writable in a container with %s",
    async (_name, options) => {
      const network = options.includes("--network=host") ? [] : ["--network=none"];
      const script = `${tryAll(everyCgroupMount)}\necho looked`;
      const args = ["run", "--rm", ...network, ...options, "busybox", "sh", "-c", script];
      const { stdout, stderr } = await stage().store.run(args);
      expect(stdout, stderr).toBe("looked\n");
    },
  );

  it("are not mounted anew by a program that has the default capabilities", async () => {
    const script = [
      "mkdir /tmp/c; for type in cgroup cgroup2; do",
      "  for what in none memory devices pids cpu freezer rdma none,name=new none,name=systemd; do",
      "    mount -t $type -o $what x /tmp/c 2>&- && echo mounts $type $what",
      "  done",
      "done; echo looked",
    ].join("\n");
    const { stdout, stderr } = await stage().run("busybox", "sh", "-c", script);
    expect(stdout, stderr).toBe("looked\n");
  });

  it("of version 1 are no more writable when one that may mount has mounted them", async () => {
    const script = [
      "mkdir /tmp/t && mount -t tmpfs x /tmp/t && echo may mount",
      "for what in memory devices pids cpu freezer rdma none,name=new none,name=systemd; do",
      "  mkdir -p /tmp/c/$what; mount -t cgroup -o $what x /tmp/c/$what 2>&-",
      "done",
      tryAll(everyCgroupMount),
      "[ -e /tmp/c/none,name=new/cgroup.procs ] && echo made a hierarchy",
      "echo looked",
    ].join("\n");
    const { stdout, stderr } = await stage().run("--privileged", "busybox", "sh", "-c", script);
    expect(stdout, stderr).toBe("may mount\nlooked\n");
  });

  it("appear to be the root, so that no path of the host's is told", async () => {
    const { stdout } = await stage().run("busybox", "cat", "/proc/self/cgroup", "/proc/1/cgroup");
    const paths = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(":").slice(2).join(":"));
    expect(new Set(paths)).toEqual(new Set(["/"]));
  });
});

describe("the mounts of a running container", () => {
  it("have no cgroup v1 hierarchy and no writable cgroup2, seen from outside", async () => {
    await using container = await stage().background("busybox", "sleep", "100");
    const mounts = mountsOf(container.pid);
    expect(mounts.filter(({ fstype }) => fstype === "cgroup")).toEqual([]);
    const writable = ({ options }: { readonly options: readonly string[] }) =>
      !options.includes("ro");
    expect(mounts.filter(({ fstype }) => fstype === "cgroup2").filter(writable)).toEqual([]);
    expect(
      mounts.filter(({ mountPoint }) => mountPoint.startsWith("/sys")).filter(writable),
    ).toEqual([]);
  });

  it("are in a cgroup namespace of the container's own", async () => {
    await using container = await stage().background("busybox", "sleep", "100");
    expect(namespaceOf(container.pid, "cgroup")).not.toBe(namespaceOf("self", "cgroup"));
  });
});
