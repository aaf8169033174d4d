import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import { startMonitor } from "../../src/runtime/monitor-client.ts";
import { protocolVersion } from "../../src/runtime/protocol.ts";
import { launchDirectly, makeRootfs } from "./direct-launch.ts";
import { useStage } from "./run-stage.ts";

// Before its execve, a container's first process is tsman's: its mount namespace still holds the
// host's root, and its user namespace no limits yet.
const stage = useStage();

/** A session in the process that a run directory names. */
async function joinInit(init: string, change: (startTime: bigint) => bigint = (time) => time) {
  const [pid = "", startTime = ""] = init.trim().split(" ");
  const runDir = stage().directory();
  const because = "test";
  const handle = await startMonitor({
    plan: {
      records: [
        settingRecord("VERSION", [String(protocolVersion)], because),
        settingRecord("RUN_DIR", [runDir], because),
        settingRecord("FOREGROUND", [], because),
        settingRecord("JOIN_PROCESS", [pid, String(change(BigInt(startTime)))], because),
        stepRecord("USER", ["0", "", "", "", ""], because),
        stepRecord("ENV", ["PATH=/bin:/usr/bin"], because),
        stepRecord("EXEC", ["/bin/true"], because),
      ],
    },
    stdio: { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
  return { handle, runDir };
}

describe("a container that is being made", () => {
  it("is not joined before it is one", async () => {
    const runDir = stage().directory();
    const container = await launchDirectly({
      rootfs: makeRootfs(stage().directory()),
      command: ["/bin/sleep", "1000"],
      settings: [settingRecord("RUN_DIR", [runDir], "test"), settingRecord("HOLD", [], "test")],
    });
    await container.ready;
    const init = readFileSync(join(runDir, "init"), "utf8");
    const early = await joinInit(init);
    await expect(early.handle.started).rejects.toThrow(/being set up/);
    container.start();
    await container.started;
    const late = await joinInit(init);
    await late.handle.started;
    expect(await late.handle.exited).toBe(0);
    container.stop(9, 0);
    await container.exited;
  });

  it("is not another process that has got its pid", async () => {
    const runDir = stage().directory();
    const container = await launchDirectly({
      rootfs: makeRootfs(stage().directory()),
      command: ["/bin/sleep", "1000"],
      settings: [settingRecord("RUN_DIR", [runDir], "test")],
    });
    await container.started;
    const init = readFileSync(join(runDir, "init"), "utf8");
    for (const change of [(time: bigint) => time + 1n, () => 0n]) {
      const { handle } = await joinInit(init, change);
      await expect(handle.started).rejects.toThrow(/join process/);
    }
    container.stop(9, 0);
    await container.exited;
    const { handle } = await joinInit(init);
    await expect(handle.started).rejects.toThrow(/join process/);
  });

  it("is not a process of the host, in our own user namespace", async () => {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const { handle } = await joinInit(`${process.pid} ${startTime}\n`);
    await expect(handle.started).rejects.toThrow(/no user namespace of its own/);
  });
});
