import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useStore } from "../support.ts";

// Containers of root have subordinate ids too, none of which is root's: neither end of a copy may
// take the other's ids for its own.
const store = useStore();
const words = (text: string) => text.split(" ");

beforeAll(async () => {
  await store().succeed([
    ...words("run --quiet --network none --name made busybox sh -c"),
    "echo x >/x; chown 5:6 /x; chmod 4755 /x; rm -r /home; mkdir /d; echo in >/d/f",
  ]);
});

afterAll(async () => {
  await store().succeed(words("rm --force --time 0 --all"));
});

describe("files of root's containers", () => {
  it("are compared with the image, and images with each other", async () => {
    const { stdout } = await store().succeed(words("diff made"));
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["A /d", "A /d/f", "D /home", "A /x"]),
    );
    expect((await store().succeed(words("diff made busybox"))).stdout).toBe(stdout);
    expect((await store().succeed(words("diff busybox"))).stdout).toContain("A /bin/busybox\n");
  });

  it("become root's own when they are copied out, without the power that their mode gave", async () => {
    const target = join(store().scratch, "out");
    mkdirSync(target);
    await store().succeed(["cp", "made:/x", target]);
    await store().succeed(["cp", "made:/d", target]);
    const { uid, gid, mode } = statSync(join(target, "x"));
    expect([uid, gid, mode & 0o7777]).toEqual([0, 0, 0o755]);
    expect(readFileSync(join(target, "d/f"), "utf8")).toBe("in\n");
  });

  it("are the container's root's when they are copied in, also into what runs", async () => {
    const file = join(store().scratch, "secret");
    writeFileSync(file, "of root\n");
    chmodSync(file, 0o600);
    await store().succeed(words("run -d --quiet --network none --name up busybox sleep 1000"));
    for (const name of ["made", "up"]) await store().succeed(["cp", file, `${name}:/tmp/`]);
    const { stdout } = await store().succeed(words("exec up stat -c %u:%g:%a /tmp/secret"));
    expect(stdout).toBe("0:0:600\n");
    const archive = (await store().succeed(words("cp made:/tmp/secret -"))).stdoutBytes;
    const listing = spawnSync("tar", ["-tv", "--numeric-owner"], { input: archive });
    expect(listing.stdout.toString()).toMatch(/^-rw------- 0\/0 .* secret\n$/);
    // From one container into another, with owners.
    await store().succeed(words("cp --archive=false made:/x up:/copied"));
    const copied = await store().succeed(words("exec up stat -c %u:%g:%a /copied"));
    expect(copied.stdout).toBe("5:6:4755\n");
  });

  it("are exported and committed with their owners inside", async () => {
    const { stdoutBytes } = await store().succeed(words("export made"));
    const listing = spawnSync("tar", ["-tv", "--numeric-owner"], { input: stdoutBytes });
    expect(listing.stdout.toString()).toMatch(/^-rwsr-xr-x 5\/6 .* x$/m);
    for (const squash of ["--squash=false", "--squash"]) {
      await store().succeed(["commit", "--quiet", squash, "made", "localhost/made"]);
      const { stdout } = await store().succeed(
        words("run --rm --quiet --network none localhost/made stat -c %u:%g:%a /x"),
      );
      expect(stdout).toBe("5:6:4755\n");
    }
  });

  it("are not mounted for root, who is told what to do instead", async () => {
    const { status, stderr } = await store().run(words("mount made"));
    expect(status).toBe(125);
    expect(stderr).toContain("belong to ids that root of this host is not");
    expect(stderr).toContain("tsman cp made:PATH .");
    expect(stderr).not.toContain("unshare");
  });
});
