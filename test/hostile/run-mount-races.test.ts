import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type PlanRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import type { SlotTable } from "../../src/runtime/slots.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { launchDirectly, makeRootfs } from "./direct-launch.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S3: CVE-2021-30465 (a container swaps a directory for a symbolic link while another mounts
// there).  S9: CVE-2024-45310 (targets of mounts are made outside).  S7: CVE-2025-52565
// (/dev/console).  S74: the source of a mount is swapped.
const stage = useStage();
let swap: Buffer;
let rootfs: string;
const rounds = 150;
/** How often each container does the same again: thousands of times in all. */
const times = 10;

beforeAll(() => {
  swap = compileProbe("swap");
  rootfs = makeRootfs(stage().directory());
});

/** Starts a container that exchanges two names of a shared directory as fast as it can. */
async function swapper(shared: string, a: string, b: string) {
  const image = stage().image({
    layers: [new TarBuilder().file("bin/swap", swap, { mode: 0o755 })],
  });
  const container = await stage().background(
    "-v",
    `${shared}:/shared`,
    image,
    "swap",
    "/shared",
    a,
    b,
  );
  await until("the names to be swapped", () => {
    try {
      return lstatSync(join(shared, a)).isSymbolicLink() ? true : undefined;
    } catch {
      return undefined;
    }
  });
  return container;
}

/**
 * Starts many containers with these mounts, one after the other; says how many of them ran and how
 * many were refused.  What each prints are its mounts below /shared.
 */
async function race(steps: (slots: SlotTable) => readonly PlanRecord[]) {
  const counts = { ran: 0, refused: 0 };
  for (let round = 0; round < rounds; round += 1) {
    const handle = await launchDirectly({
      rootfs,
      command: ["/bin/true"],
      steps: (slots) => Array.from({ length: times }, () => steps(slots)).flat(),
    });
    try {
      await handle.started;
      counts.ran += 1;
      await handle.exited;
    } catch {
      counts.refused += 1;
    }
  }
  return counts;
}

const bind = (slots: SlotTable, source: string, target: string, extra = "") =>
  stepRecord(
    "BIND",
    [slots.open(source, "any", "test"), target, "rbind", "rprivate", extra],
    "test",
  );

describe("while another container swaps a directory for a symbolic link", () => {
  it.each([
    ["absolute", (victim: string) => victim],
    ["with dots", (victim: string) => `${"../".repeat(12)}${victim.slice(1)}`],
  ])("no mount, directory or file lands outside of the root: %s", async (_name, target) => {
    const [shared, other] = [stage().directory(), stage().directory()];
    mkdirSync(join(shared, "a/inner"), { recursive: true });
    symlinkSync(target(stage().victim("directory")), join(shared, "b"));
    await using _container = await swapper(shared, "a", "b");
    const counts = await race((slots) => [
      bind(slots, shared, "/shared"),
      bind(slots, other, "/shared/a/inner"),
      bind(slots, other, "/shared/a/made/deeper"),
      stepRecord("MOUNT", ["tmpfs", "tmpfs", "/shared/a/tmpfs", "", "", ""], "test"),
      stepRecord("MKDIR", ["/shared/a/directory", "0755", "0", "0"], "test"),
      stepRecord("MASK", ["", "/shared/a/inner"], "test"),
      stepRecord("READONLY", ["/shared/a"], "test"),
    ]);
    expect(counts.ran + counts.refused).toBe(rounds);
    expect(counts.ran).toBeGreaterThan(0);
    stage().expectVictimIntact();
    expect(readdirSync(other)).toEqual([]);
  });

  it("a link that is not allowed is never followed", async () => {
    const shared = stage().directory();
    mkdirSync(join(shared, "dev"));
    symlinkSync(stage().victim("directory"), join(shared, "b"));
    await using _container = await swapper(shared, "dev", "b");
    const counts = await race((slots) => [
      bind(slots, shared, "/shared"),
      stepRecord("MOUNT", ["tmpfs", "tmpfs", "/shared/dev", "", "", "nosymlink"], "test"),
      // Only a mount of our own is there now.
      stepRecord("WRITE_FILE", ["/shared/dev/made", "x", "0644", "create,exclusive"], "test"),
    ]);
    expect(counts.ran + counts.refused).toBe(rounds);
    stage().expectVictimIntact();
    expect(existsSync(join(shared, "dev/made"))).toBe(false);
  });

  it("a source is the one that was opened, or none", async () => {
    const shared = stage().directory();
    mkdirSync(join(shared, "source"));
    symlinkSync("/nonexistent", join(shared, "b"));
    await using _container = await swapper(shared, "source", "b");
    const counts = await race((slots) => [bind(slots, join(shared, "source"), "/tmp")]);
    expect(counts.ran).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
  });
});

describe("the console of a container whose /dev is shared", () => {
  it.each([
    ["console", "/dev/tty"],
    ["console", "victim"],
    ["ptmx", "victim"],
    ["pts", "victim"],
  ])("is the pty that was made for it, or there is none: %s -> %s", async (name, target) => {
    const shared = stage().directory();
    const victim = stage().victim("file");
    const link = target === "victim" ? victim : target;
    await stage().run("-v", `${shared}:/d`, "busybox", "ln", "-s", link, `/d/${name}`);
    const script =
      "tty; stat -c %t:%T /dev/console; [ -c /dev/console ] && echo hello >/dev/console";
    const { stdout, status } = await stage().run(
      "-t",
      "-v",
      `${shared}:/dev`,
      "busybox",
      "sh",
      "-c",
      script,
    );
    if (status === 0) expect(stdout).toMatch(/^\/dev\/(pts\/0|console)\s+88:0\s+hello\s+$/);
    else expect(stdout).not.toContain("hello");
    stage().expectVictimIntact();
  });

  it("cannot be moved by swapping the names of /dev", async () => {
    const shared = stage().directory();
    mkdirSync(join(shared, "pts"));
    symlinkSync(stage().victim("directory"), join(shared, "b"));
    await using _container = await swapper(shared, "pts", "b");
    for (let round = 0; round < 3; round += 1) {
      const options = ["-t", "-v", `${shared}:/dev`];
      const { stdout } = await stage().run(
        ...options,
        "busybox",
        "stat",
        "-c",
        "%t:%T",
        "/dev/console",
      );
      expect(stdout.trim()).toMatch(/^(88:0)?$/);
    }
    stage().expectVictimIntact();
  });
});
