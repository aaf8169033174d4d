import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import { startMonitor } from "../../src/runtime/monitor-client.ts";
import { protocolVersion } from "../../src/runtime/protocol.ts";
import { until } from "../support/wait.ts";
import { launchDirectly, makeRootfs } from "./direct-launch.ts";
import { useStage } from "./run-stage.ts";

// What a container has at /dev/shm is its own affair, until another one gets it with
// `--ipc container:NAME`: the lookup is the class of CVE-2024-1753 and CVE-2021-30465.
const stage = useStage();
const mighty = ["--cap-add=ALL", "--security-opt=seccomp=unconfined"];

/** A container that does this to its /dev/shm and says when it is done. */
async function attacker(script: string, ...options: readonly string[]) {
  const container = await stage().background(
    ...mighty,
    ...options,
    ..."busybox sh -c".split(" "),
    `${script}; echo done; exec sleep 1000`,
  );
  const logs = async () => (await stage().store.succeed(["logs", container.id])).stdout;
  await until("the container to be ready", async () => /done/.test(await logs()) || undefined);
  return container;
}

/** Another container that shares its memory, and what it finds there and writes. */
async function share(id: string) {
  return await stage().run(
    `--ipc=container:${id}`,
    ..."busybox sh -c".split(" "),
    "ls -A /dev/shm; echo x >/dev/shm/written",
  );
}

describe("the shared memory of another container", () => {
  it.each([
    ["a link to a directory", "rmdir /dev/shm; ln -s /given /dev/shm"],
    ["a link of proc's", "rmdir /dev/shm; ln -s /proc/1/root/given /dev/shm"],
    ["a directory", ":"],
    ["a file", "rmdir /dev/shm; touch /dev/shm"],
    ["missing", "rmdir /dev/shm"],
    ["another mount", "mount --bind /given /dev/shm"],
    ["the processes", "mount -t proc proc /dev/shm"],
    ["the kernel's settings", "mount --bind /proc/sys /dev/shm"],
    [
      "below a link",
      "mkdir /tmp/dev; mount -t tmpfs x /tmp/dev; mkdir /tmp/dev/shm; cd /; umount -l /dev; rmdir /dev; ln -s /tmp/dev /dev",
    ],
  ])("is not taken when it is %s", async (_name, script) => {
    const given = stage().directory();
    await using container = await attacker(
      `umount /dev/shm; ${script}`,
      "--volume",
      `${given}:/given`,
    );
    const { status, stdout, stderr } = await share(container.id);
    expect(stderr).toContain("share mount /dev/shm");
    expect(stderr).toContain("--tmpfs /dev/shm");
    expect(stdout).toBe("");
    expect(status).toBe(125);
    expect(readdirSync(given)).toEqual([]);
  });

  it("is taken without what is mounted in it, and its mounts do not follow", async () => {
    await using container = await attacker(
      "mount --make-rshared /dev/shm; mkdir /dev/shm/in; mount -t tmpfs x /dev/shm/in; touch /dev/shm/in/secret",
    );
    await using second = await stage().background(
      `--ipc=container:${container.id}`,
      ..."busybox sleep 1000".split(" "),
    );
    const mount =
      "mkdir /dev/shm/later; mount -t tmpfs x /dev/shm/later; touch /dev/shm/later/secret";
    await stage().store.succeed(["exec", container.id, "sh", "-c", mount]);
    const seen = await stage().store.succeed(["exec", second.id, "find", "/dev/shm"]);
    expect(seen.stdout.trim().split("\n").sort()).toEqual([
      "/dev/shm",
      "/dev/shm/in",
      "/dev/shm/later",
    ]);
  });

  it("is that memory or none while the container exchanges it all the time", async () => {
    const given = stage().directory();
    const swap = [
      "cd /dev",
      "while :; do",
      "umount /dev/shm; rmdir shm; ln -s /given shm; rm shm; mkdir shm",
      "mount --bind /given /dev/shm; umount /dev/shm; mount -t tmpfs x /dev/shm; touch /dev/shm/memory",
      "done",
    ].join("\n");
    await using container = await attacker(`(${swap}) 2>/dev/null & :`, "-v", `${given}:/given`);
    const counts = { memory: 0, refused: 0 };
    // At least so often; and until both have come, which on most machines they have by then.
    const fewest = 12;
    const isDone = (round: number) => round >= fewest && counts.memory > 0 && counts.refused > 0;
    for (let round = 0; round < 100 && !isDone(round); round += 1) {
      const { status, stderr } = await share(container.id);
      if (status === 0) counts.memory += 1;
      else counts.refused += 1;
      if (status !== 0) expect(stderr).toContain("share mount /dev/shm");
      expect(existsSync(join(given, "written"))).toBe(false);
    }
    expect(counts.memory, JSON.stringify(counts)).toBeGreaterThan(0);
    expect(counts.refused, JSON.stringify(counts)).toBeGreaterThan(0);
  });
});

/** A container that takes part in a user namespace and a /dev/shm by the owner that a file names. */
async function joinOwner(init: string, change: (startTime: bigint) => bigint = (time) => time) {
  const [pid = "", startTime = ""] = init.trim().split(" ");
  const because = "test";
  return await startMonitor({
    plan: {
      records: [
        settingRecord("VERSION", [String(protocolVersion)], because),
        settingRecord("FOREGROUND", [], because),
        settingRecord("UNSHARE", ["mount", "pid"], because),
        settingRecord("JOIN", ["user", `/proc/${pid}/ns/user`], because),
        settingRecord("JOIN_OWNER", [pid, String(change(BigInt(startTime)))], because),
        settingRecord("OPEN_MOUNT", ["0", "/dev/shm", "tmpfs"], because),
        stepRecord("EXEC", ["/bin/true"], because),
      ],
    },
    stdio: { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
}

describe("a container whose namespaces are joined", () => {
  it("is not one that is being made, whose /dev/shm may be the host's", async () => {
    const runDir = stage().directory();
    const rootfs = makeRootfs(stage().directory());
    mkdirSync(join(rootfs, "dev/shm"), { recursive: true });
    const container = await launchDirectly({
      rootfs,
      command: ["/bin/sleep", "1000"],
      settings: [settingRecord("RUN_DIR", [runDir], "test"), settingRecord("HOLD", [], "test")],
      steps: () => [stepRecord("MOUNT", ["tmpfs", "x", "/dev/shm", "", "", "nosymlink"], "test")],
    });
    await container.ready;
    const init = readFileSync(join(runDir, "init"), "utf8");
    await expect((await joinOwner(init)).started).rejects.toThrow(/being set up/);
    container.start();
    await container.started;
    const late = await joinOwner(init);
    await late.started;
    expect(await late.exited).toBe(0);
    for (const change of [(time: bigint) => time + 1n, () => 0n]) {
      await expect((await joinOwner(init, change)).started).rejects.toThrow(/join process/);
    }
    container.stop(9, 0);
    await container.exited;
    await expect((await joinOwner(init)).started).rejects.toThrow(/join process|open/);
  });
});
