import { describe, expect, it } from "vitest";
import { patience, within } from "../support/wait.ts";
import { type BackgroundContainer, useStage } from "./run-stage.ts";

// The root of a container may have replaced all that somebody expects who looks into it: nothing of
// that leads outside, and nothing of it makes tsman wait for ever.
const stage = useStage();

/** A container whose root has run a script before anything is executed in it. */
async function prepared(script: string, ...options: string[]): Promise<BackgroundContainer> {
  const target = await stage().background(...options, "busybox", "sleep", "1000");
  await stage().store.succeed(["exec", target.id, "/bin/sh", "-c", `set -e\n${script}`]);
  return target;
}

const exec = async (...args: readonly string[]) =>
  await within(patience, `exec ${args.join(" ")}`, stage().store.run(["exec", ...args]));

const mounts = ["--cap-add=SYS_ADMIN", "--security-opt=unmask=all"];

describe("a container that has replaced", () => {
  it("/proc, is executed in all the same", async () => {
    const script = [
      "mkdir -p /fake/self /fake/1/ns",
      "for n in user mnt pid net; do ln -s /nowhere /fake/1/ns/$n; ln -s /nowhere /fake/self/$n; done",
      "ln -s /bin/busybox /fake/self/exe; mkfifo /fake/self/fd /fake/self/oom_score_adj",
      "mount -o bind /fake /proc",
    ].join("\n");
    await using target = await prepared(script, ...mounts, "--oom-score-adj=100");
    for (const options of [[], ["--user=7"], ["--tty"]]) {
      const { status, stdout } = await exec(...options, target.id, "echo", "in");
      expect([stdout.trim(), status]).toEqual(["in", 0]);
    }
  });

  it("its root directory, is executed in where its own processes are", async () => {
    await using target = await prepared("mount -t tmpfs none /", ...mounts);
    const { stdout } = await exec(target.id, "/bin/ls", "/");
    // On top of its root there is nothing; what is executed never lands on the host's.
    expect(stdout).not.toContain("victim");
    stage().expectVictimIntact();
  });

  it("/dev/pts, gets no terminal from what is none", async () => {
    const replaced = [
      "mount -o bind /dev/null /dev/pts/ptmx",
      "mount -t tmpfs none /dev/pts; mkfifo /dev/pts/ptmx",
      "mount -t tmpfs none /dev/pts; ln -s /dev/null /dev/pts/ptmx",
      "mount -o bind /tmp /dev/pts",
      "while umount /dev/pts; do :; done; umount /dev/pts/ptmx; umount /dev/pts; rmdir /dev/pts; " +
        "mkdir /tmp/p; ln -s /tmp/p /dev/pts",
    ];
    await using target = await prepared("true", ...mounts);
    for (const script of replaced) {
      await exec(target.id, "/bin/sh", "-c", script);
      const { status, stdout, stderr } = await exec("--tty", target.id, "echo", "in");
      expect(stdout, script).toBe("");
      expect(stderr).toMatch(/\/dev\/pts/);
      expect(status).toBe(125);
      // Without a terminal it is as it was.
      expect((await exec(target.id, "echo", "in")).stdout).toBe("in\n");
    }
  });

  it("/etc/passwd, cannot make tsman wait, or a name a number", async () => {
    const files = [
      "mkfifo /etc/passwd",
      "ln -s /dev/zero /etc/passwd",
      "ln -s /proc/self/fd/0 /etc/passwd",
      "mkdir /etc/passwd",
      "echo 'mallory:x:4294967296:0::/:' >/etc/passwd",
      "echo 'mallory:x:-1:0::/:' >/etc/passwd",
      "echo 'mallory:x: 0:0::/:' >/etc/passwd",
      "echo 'mallory:x::0::/:' >/etc/passwd",
      "echo 'mallory:x:0x0:0::/:' >/etc/passwd",
    ];
    await using target = await prepared("true");
    for (const script of files) {
      await exec(target.id, "/bin/sh", "-c", `rm -rf /etc/passwd; ${script}`);
      const { status, stdout, stderr } = await exec("--user=mallory", target.id, "/bin/id");
      expect(stdout, script).toBe("");
      expect(stderr).toContain("mallory");
      expect(status).toBe(255);
    }
  });

  it("the program that everybody executes, is what runs, and only inside", async () => {
    const script = [
      "cat >/tmp/sh <<'END'",
      "#!/bin/busybox sh",
      'echo "mine $(id -u) $(hostname)"; ls /proc/self/fd | tr "\\n" " "',
      "END",
      "chmod 755 /tmp/sh; rm -f /bin/sh; cp /tmp/sh /bin/sh",
    ].join("\n");
    await using target = await prepared(script, "--hostname=inside");
    const { stdout } = await exec(target.id, "sh");
    expect(stdout).toMatch(/^mine 0 inside\n0 1 2 (?:3 )?(?:10 )?(?:11 )?$/);
    stage().expectVictimIntact();
  });

  it("its working directory, is told so", async () => {
    const gone = "mkdir /gone; rmdir /gone";
    await using target = await prepared(gone);
    const { status, stderr } = await exec("--workdir=/gone", target.id, "true");
    expect(stderr).toContain("/gone");
    expect(status).toBe(127);
  });

  it("its user namespace by one of its own, is executed in there at most", async () => {
    const script =
      "unshare -Urmp -f --mount-proc sh -c 'echo nested >/dev/shm/ready; exec sleep 1000'";
    await using target = await stage().background(
      ...["--privileged", "busybox", "sh", "-c"],
      `exec ${script}`,
    );
    const { stdout, stderr } = await exec(target.id, "cat", "/proc/self/uid_map");
    // The ids of the container or fewer, never the caller's.
    expect(stdout + stderr).not.toMatch(/^\s*0\s+0\s+4294967295/m);
    expect((await exec(target.id, "ls", "/")).stdout).not.toContain("victim");
  });
});
