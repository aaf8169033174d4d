import { describe, expect, it } from "vitest";
import { useStage } from "./run-stage.ts";

// S19 and S27: what is executed in a container is held by all that holds the container's program.
const stage = useStage();

/** Of proc_pid_status(5). */
const fields =
  "Uid|Gid|Groups|NoNewPrivs|Seccomp|Seccomp_filters|CapInh|CapPrm|CapEff|CapBnd|CapAmb";
/** What the kernel says about the process that looks. */
const look = [
  `grep -E '^(${fields}):' /proc/self/status`,
  "cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup",
  "cat /proc/self/uid_map /proc/self/gid_map /proc/self/mountinfo",
  "for n in /proc/self/ns/*; do readlink $n; done",
  "readlink /proc/self/root; umask",
].join("; ");

describe("a process that is executed in a container", () => {
  const containers: readonly (readonly [what: string, options: readonly string[]])[] = [
    ["as it comes", []],
    ["without capabilities", ["--cap-drop=all"]],
    ["with one more capability", ["--cap-add=NET_RAW"]],
    ["of a user", ["--user=7:8"]],
    ["with groups", ["--group-add=44", "--group-add=tty"]],
    ["that gains no privileges", ["--security-opt=no-new-privileges"]],
    ["with its own limits", ["--ulimit=nofile=99:101", "--ulimit=core=0", "--oom-score-adj=300"]],
    ["that is read-only", ["--read-only"]],
    ["without a filter", ["--security-opt=seccomp=unconfined"]],
    ["with everything", ["--privileged"]],
  ];

  it.each(containers)("has what its first process has: a container %s", async (_, options) => {
    await using target = await stage().background(
      ...[...options, "busybox", "sh", "-c"],
      `{ ${look}; } >/dev/shm/part 2>&1; mv /dev/shm/part /dev/shm/first; exec sleep 1000`,
    );
    const script =
      `until [ -e /dev/shm/first ]; do :; done; { ${look}; } >/dev/shm/second 2>&1; ` +
      "cat /dev/shm/first; echo =; cat /dev/shm/second";
    const { stdout } = await stage().store.succeed(["exec", target.id, "sh", "-c", script]);
    const [own = "", executed] = stdout.split("\n=\n");
    expect(own).toMatch(/^Seccomp:/m);
    expect(own).toMatch(/^pid:\[\d+\]$/m);
    expect(executed).toBe(`${own}\n`);
  });

  it("never has inheritable or ambient capabilities, and always the filter", async () => {
    await using target = await stage().background("busybox", "sleep", "1000");
    const ways = [
      ["--privileged"],
      ["--privileged", "--user=7"],
      ["--user=nobody"],
      ["--user=0:0"],
      ["--tty"],
    ];
    for (const options of ways) {
      const { stdout } = await stage().store.succeed([
        "exec",
        ...options,
        target.id,
        ...["grep", "-E", "^(CapInh|CapAmb|CapEff|Seccomp):", "/proc/self/status"],
      ]);
      expect(stdout).toMatch(/^CapInh:\s0{16}\r?$/m);
      expect(stdout).toMatch(/^CapAmb:\s0{16}\r?$/m);
      expect(stdout).toMatch(/^Seccomp:\s2\r?$/m);
      const isRoot = !options.some((option) => /user=[7n]/.test(option));
      expect(/^CapEff:\s0{16}\r?$/m.test(stdout)).toBe(!isRoot);
    }
  });

  it("has no more with --privileged than the user namespace gives", async () => {
    await using target = await stage().background("busybox", "sleep", "1000");
    const attempts = [
      "mount -t tmpfs none /mnt && echo mounted",
      "mknod /tmp/disk b 8 0 && echo made",
      "echo 1 >/proc/sys/kernel/core_pattern && echo written",
      "echo b >/proc/sysrq-trigger && echo rebooted",
      "cat /proc/kcore >/dev/null && echo read",
      "hostname changed && dmesg >/dev/null && echo listened",
    ];
    const { stdout } = await stage().store.run([
      ...["exec", "--privileged", target.id, "sh", "-c"],
      `(${attempts.join("; ")}) 2>/dev/null; echo done`,
    ]);
    expect(stdout).toBe("done\n");
  });
});
