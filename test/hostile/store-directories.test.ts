import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";

// Security cases S43 and S94: the directories that the environment names.

const store = useStore();

describe("a directory that TSMAN_ROOT or TSMAN_RUNTIME_DIR names", () => {
  it.each(["TSMAN_ROOT", "TSMAN_RUNTIME_DIR"])(
    "by a symbolic link with a slash behind it (%s) is refused",
    async (name) => {
      const link = join(store().scratch, `link-${name}`);
      // What the link leads to would pass every check: it is the caller's and closed to others.
      await mkdir(`${link}-target`, { mode: 0o700 });
      await symlink(`${link}-target`, link);
      const { status, stderr } = await store().run(["images"], { env: { [name]: `${link}/` } });
      expect(stderr).toContain("a symbolic link");
      expect(status).toBe(125);
    },
  );

  it("with a path that leaves no room for a socket's name still serves for published ports", async () => {
    // unix(7): 107 bytes, of which the container's own directory takes 65.
    const runtimeDir = join(store().scratch, "r".repeat(90));
    const { stdout } = await store().succeed(
      ["run", "--rm", "-p", "127.0.0.1::80", "busybox", "echo", "published"],
      { env: { TSMAN_RUNTIME_DIR: runtimeDir } },
    );
    expect(stdout).toBe("published\n");
  });
});

describe("an XDG_RUNTIME_DIR", () => {
  /** Starts a container with it; whether its run directory is there, and not in the fallback. */
  async function usesIt(runtimeDir: string): Promise<boolean> {
    const state = join(runtimeDir, "..", "state");
    const env = {
      TSMAN_RUNTIME_DIR: undefined,
      XDG_RUNTIME_DIR: runtimeDir,
      XDG_STATE_HOME: state,
    };
    const args = ["run", "--detach", "--network=none", "busybox", "sleep", "1000"];
    const id = (await store().succeed(args, { env })).stdout.trim();
    try {
      const [there, fallback] = [join(runtimeDir, "tsman", id), join(state, "tsman/run", id)];
      const found = [there, fallback].map((directory) => existsSync(directory));
      expect(found.filter(Boolean)).toHaveLength(1);
      return found[0] === true;
    } finally {
      await store().succeed(["rm", "--force", "--time=0", id], { env });
    }
  }

  async function directory(name: string): Promise<string> {
    const made = join(store().scratch, name, "runtime");
    await mkdir(made, { recursive: true, mode: 0o700 });
    return made;
  }

  it("that is the caller's and closed to others is used", async () => {
    expect(await usesIt(await directory("own"))).toBe(true);
  });

  it("through which others may pass, as Podman makes it, is used, and what is ours is closed", async () => {
    const passable = await directory("passable");
    await chmod(passable, 0o711);
    expect(await usesIt(passable)).toBe(true);
    expect(statSync(join(passable, "tsman")).mode & 0o777).toBe(0o700);
  });

  it("that belongs to somebody else is not, however it is closed", async () => {
    for (const mode of [0o700, 0o777]) {
      const foreign = await directory(`foreign-${mode}`);
      await chmod(foreign, mode);
      // A subordinate id of ours is another user to the kernel.
      const how = ["--user", "--map-auto", "--map-root-user", "chown", "1:1", foreign];
      expect(spawnSync("unshare", how, { encoding: "utf8" }).stderr).toBe("");
      expect(await usesIt(foreign)).toBe(false);
      if (mode === 0o777) expect(readdirSync(foreign)).toEqual([]);
    }
  });

  it("that others may write to, or that is a link, is not", async () => {
    const open = await directory("open");
    await chmod(open, 0o777);
    expect(await usesIt(open)).toBe(false);
    expect(readdirSync(open)).toEqual([]);
    const target = await directory("linked");
    const link = join(store().scratch, "linked", "link");
    await symlink(target, link);
    expect(await usesIt(link)).toBe(false);
    expect(readdirSync(target)).toEqual([]);
  });
});
