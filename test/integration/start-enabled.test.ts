import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { processEnds } from "../support/pidfd.ts";
import { statusOf } from "../support/proc.ts";
import { useStore } from "./support.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--depend", "--all"]);
});

async function run(name: string, ...options: readonly string[]): Promise<void> {
  await store().succeed([
    ...["run", "--detach", "--stop-timeout", "0", "--name", name, ...options],
    ...["busybox", "sleep", "1000"],
  ]);
}

/**
 * What a reboot leaves: no process, nothing in the runtime directory, and records of another boot of
 * the kernel.
 */
async function reboot(): Promise<void> {
  const running = await store().succeed(["ps", "--format", "{{.Pid}}"]);
  const database = new DatabaseSync(join(store().root, "store.db"));
  const ends: Promise<void>[] = [];
  for (const pid of running.stdout.split("\n").filter(Boolean)) {
    // The monitor first: it must not restart anything.
    const monitor = Number(statusOf(Number(pid)).PPid);
    ends.push(processEnds(Number(pid)), processEnds(monitor));
    process.kill(monitor, "SIGKILL");
  }
  await Promise.all(ends);
  database.exec(
    `UPDATE containers SET record = json_set(record, '$.bootId', '00000000-0000-4000-8000-000000000000')
     WHERE json_extract(record, '$.bootId') IS NOT NULL`,
  );
  database.close();
  rmSync(store().runtimeDir, { recursive: true });
}

async function shown(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await store().succeed(["ps", "--all", "--format", "{{.Names}}", ...args]);
  return stdout.split("\n").filter(Boolean).sort();
}

describe("after a reboot", () => {
  it("what ran has exited, nobody knows how, and can be started again", async () => {
    await run("before", "--network", "none");
    await reboot();
    expect(await shown("--filter", "status=exited")).toEqual(["before"]);
    const { status, stderr } = await store().run(["wait", "before"]);
    expect(stderr).toContain("nothing recorded how it ended");
    expect(status).toBe(125);
    await store().succeed(["start", "before"]);
    expect(await shown("--filter", "status=running")).toEqual(["before"]);
  });

  it("a container of --rm can be removed", async () => {
    await run("passing", "--rm", "--network", "none");
    await reboot();
    const { status, stderr } = await store().run(["start", "passing"]);
    expect(stderr).toContain("(--rm)");
    expect(status).toBe(125);
    await store().succeed(["rm", "passing"]);
    expect(await shown()).toEqual([]);
  });
});

describe("system start-enabled", () => {
  it("starts what should be up: always, and unless-stopped that nobody stopped", async () => {
    const none = ["--network", "none"];
    await run("plain", ...none);
    await run("failing", ...none, "--restart", "on-failure");
    await run("always", ...none, "--restart", "always");
    await run("always-stopped", ...none, "--restart", "always");
    await run("unless", ...none, "--restart", "unless-stopped");
    await run("unless-stopped", ...none, "--restart", "unless-stopped");
    await store().succeed(["create", "--name", "new", "--restart", "always", "busybox"]);
    await store().succeed(["stop", "always-stopped", "unless-stopped"]);
    await reboot();
    const { stdout } = await store().succeed(["system", "start-enabled"]);
    const expected = ["always", "always-stopped", "unless"];
    expect(stdout.split("\n").filter(Boolean).sort()).toEqual(expected);
    expect(await shown("--filter", "status=running")).toEqual(expected);
    expect((await store().succeed(["system", "start-enabled"])).stdout).toBe("");
  });

  it("starts a container before those that join it", async () => {
    await run("z-target", "--network", "none", "--restart", "always");
    await run("a-guest", "--network", "container:z-target", "--restart", "always");
    await reboot();
    const { stdout } = await store().succeed(["system", "start-enabled"]);
    expect(stdout).toBe("z-target\na-guest\n");
  });

  it("goes on after one that cannot start, and says so", async () => {
    const source = join(store().scratch, "gone");
    const { mkdirSync } = await import("node:fs");
    mkdirSync(source);
    await run("broken", "--network", "none", "--restart", "always", "-v", `${source}:/x`);
    await run("fine", "--network", "none", "--restart", "always");
    await reboot();
    rmSync(source, { recursive: true });
    const { status, stdout, stderr } = await store().run(["system", "start-enabled"]);
    expect(stdout).toBe("fine\n");
    expect(stderr).toContain(source);
    expect(status).toBe(125);
  });

  it("--print-unit prints a systemd unit that does it, with this store", async () => {
    const { stdout } = await store().succeed(["system", "start-enabled", "--print-unit"]);
    const command = /^ExecStart=(.*)$/m.exec(stdout)?.[1]?.split(" ") ?? [];
    expect(command[0]).toMatch(/\/bin\/tsman$/);
    expect(command).toContain(store().root);
    expect(command.slice(-2)).toEqual(["system", "start-enabled"]);
    expect(stdout).toContain("WantedBy=default.target");
  });
});
