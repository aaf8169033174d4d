import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S96: what takes all that it can get.  Each bomb ends by itself; limits of control groups, where
// there are some, have tests of their own.
const stage = useStage();
const bounded = ["--timeout", "60"];

afterEach(async () => {
  // The caller's own session goes on, and nothing is left behind.
  expect((await stage().run("busybox", "echo", "well")).stdout).toBe("well\n");
  expect((await stage().store.succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
});

/** A shell script in a container of its own, which is killed after a minute. */
async function bomb(script: string, ...options: readonly string[]) {
  return await stage().store.run(
    [
      ..."run --rm --quiet --network=none".split(" "),
      ...[...bounded, ...options, "busybox", "sh", "-c", script],
    ],
    { timeout: 100_000 },
  );
}

describe("a bomb of processes", () => {
  it("is bounded by --ulimit nproc, without any control group, and gone with the container", async () => {
    const script =
      "i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); echo $i >/proc/self/fd/1; done; echo all";
    const { stdout, stderr, status } = await bomb(script, "--ulimit=nproc=60:60");
    expect(stderr).toContain("can't fork");
    expect(stdout).not.toContain("all");
    const made = Number(stdout.trim().split("\n").at(-1));
    expect(made).toBeGreaterThan(10);
    expect(made).toBeLessThanOrEqual(60);
    expect(status).not.toBe(0);
  });
});

describe("a hog", () => {
  it("of memory is bounded by --ulimit as", async () => {
    const { stderr } = await bomb(
      "dd if=/dev/zero of=/dev/null bs=512M count=1",
      "--ulimit=as=134217728",
    );
    expect(stderr).toMatch(/out of memory/i);
  });

  it("of shared memory and of a tmpfs is bounded by their sizes", async () => {
    const { stderr } = await bomb(
      "dd if=/dev/zero of=/dev/shm/x bs=1M count=64; dd if=/dev/zero of=/t/x bs=1M count=64",
      ...["--shm-size=4m", "--tmpfs=/t:size=4m"],
    );
    expect(stderr.match(/No space left on device/g)).toHaveLength(2);
  });

  it("of the disk is what --storage-opt cannot bound, which is said", async () => {
    const { stderr, status } = await bomb("true", "--storage-opt", "size=1G");
    expect(stderr).toContain("--storage-opt");
    expect(stderr).toContain("--read-only");
    expect(status).toBe(125);
  });

  it("of descriptors is bounded by --ulimit nofile, and the container is entered all the same", async () => {
    const image = stage().image({
      layers: [new TarBuilder().file("bin/hoard", compileProbe("hoard"), { mode: 0o755 })],
    });
    const options = ["--ulimit=nofile=10000:10000", image];
    expect((await stage().run(...options, "hoard", "once")).stdout).toBe("10000\n");
    await using container = await stage().background(...options, "hoard", "stay");
    const { stdout } = await stage().store.succeed(["exec", container.id, "echo", "joined"]);
    expect(stdout).toBe("joined\n");
  });
});

describe("a heap of", () => {
  it("a thousand mounts is made, and gone with the container", async () => {
    const mounts = Array.from({ length: 1000 }, (_, index) => `--tmpfs=/m/${index}`);
    const { stdout, stderr } = await bomb("grep -c ' /m/' /proc/self/mountinfo", ...mounts);
    expect(stdout, stderr).toBe("1000\n");
  });

  it("ten megabytes of variables, or of a profile, is refused with the limit's name", async () => {
    const here = stage().directory();
    const [variables, profile] = [join(here, "variables"), join(here, "profile.json")];
    const value = "x".repeat(100_000);
    writeFileSync(
      variables,
      Array.from({ length: 100 }, (_, index) => `V${index}=${value}\n`).join(""),
    );
    writeFileSync(profile, JSON.stringify({ defaultAction: "x".repeat(10_000_000) }));
    const heap = await bomb("true", "--env-file", variables);
    expect(heap.stderr).toContain("LAUNCH_BYTES (4194304)");
    expect(heap.status).toBe(125);
    const filter = await bomb("true", `--security-opt=seccomp=${profile}`);
    expect(filter.stderr).toContain("larger than 1048576 bytes");
    expect(filter.status).toBe(125);
    const containers = join(stage().store.root, "containers");
    expect(existsSync(containers) ? readdirSync(containers) : []).toEqual([]);
  });
});
