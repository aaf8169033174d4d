import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { namespaceOf } from "../../support/proc.ts";
import { useStore } from "../support.ts";

const store = useStore();

describe("tsman started by root", () => {
  it("maps no id of the container to the host's root", async () => {
    const { stdout } = await store().succeed(
      "run --rm --network none busybox cat /proc/self/uid_map /proc/self/gid_map".split(" "),
    );
    const lines = stdout.trim().split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const line of lines) {
      const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
      expect(count).toBeGreaterThan(0);
      // 0 and every id of an ordinary user of this host stay outside.
      expect([inside, outside]).toEqual([expect.any(Number), expect.any(Number)]);
      expect(outside).toBeGreaterThan(65535);
    }
  });

  it("runs the container's processes as a subordinate id, seen from the host", async () => {
    const { stdout } = await store().succeed(
      "run --detach --network none busybox sleep 1000".split(" "),
    );
    const id = stdout.trim();
    const { stdout: text } = await store().succeed(["inspect", id]);
    const [{ State }] = JSON.parse(text) as [{ readonly State: { readonly Pid: number } }];
    const status = readFileSync(`/proc/${State.Pid}/status`, "utf8");
    const uids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
    expect(uids).toHaveLength(4);
    for (const uid of uids) expect(uid).toBeGreaterThan(65535);
    await store().succeed(["rm", "--force", "--time", "0", id]);
  });

  it("puts the container into the cgroup namespace that is named by its path", async () => {
    const seen = "readlink /proc/self/ns/cgroup";
    const run = `run --rm --network none --cgroupns ns:/proc/${process.pid}/ns/cgroup busybox ${seen}`;
    const { stdout } = await store().succeed(run.split(" "));
    expect(stdout.trim()).toBe(namespaceOf("self", "cgroup"));
  });

  it("does not let the container write where only root may", async () => {
    const file = join(store().scratch, "of-root");
    writeFileSync(file, "untouched", { mode: 0o644 });
    const { status, stderr } = await store().run([
      ..."run --rm --network none --volume".split(" "),
      `${file}:/of-root`,
      ...["busybox", "sh", "-c", "echo changed >/of-root"],
    ]);
    expect(stderr).toMatch(/[Pp]ermission denied/);
    expect(status).not.toBe(0);
    expect(readFileSync(file, "utf8")).toBe("untouched");
    expect(statSync(file).uid).toBe(0);
  });

  it("gives a container's user its own streams, in run and in exec", async () => {
    const script = "id -u; echo out >/dev/stdout; cat /dev/stdin; echo error >/dev/stderr";
    const program = ["sh", "-c", script];
    const run = ["run", "--rm", "-i", "--network=none", "--user=7", "busybox", ...program];
    const { stdout } = await store().succeed(
      "run --detach --network none busybox sleep 1000".split(" "),
    );
    const id = stdout.trim();
    for (const args of [run, ["exec", "-i", "--user=7", id, ...program]]) {
      const result = await store().succeed(args, { input: "in\n" });
      expect([result.stdout, result.stderr]).toEqual(["7\nout\nin\n", "error\n"]);
    }
    await store().succeed(["rm", "--force", "--time", "0", id]);
  });
});
