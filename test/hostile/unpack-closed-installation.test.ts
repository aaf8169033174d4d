import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";

const store = useStore();

describe("an installation in a directory that is closed to others", () => {
  it("is named with the remedy when the ids of a container may not enter it", async () => {
    // mkdtemp(3) has made it 0700, like Debian's adduser a home.
    const closed = store().scratch;
    const node = join(closed, "node");
    await copyFile(process.execPath, node, constants.COPYFILE_FICLONE);
    // Without the caller among the container's ids, nobody there has the owner's rights.
    const { status, stderr } = await store().run(
      ["run", "--rm", "--network", "none", "--userns", "nomap", "busybox", "true"],
      { env: { TSMAN_NODE: node } },
    );
    // The scratch directory, or one above it where the tests run in a closed one themselves.
    const named = /the container's ids may not enter (\S+)/.exec(stderr)?.[1] ?? "(none)";
    expect(`${closed}/`.startsWith(`${named}/`), stderr).toBe(true);
    expect(stderr).toContain(`chmod o+x ${named}`);
    expect(status).toBe(125);
  });
});
