import { mkdir, symlink } from "node:fs/promises";
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
