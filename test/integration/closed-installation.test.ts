import { chmodSync, constants } from "node:fs";
import { copyFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { copyInstallation } from "./copied-installation.ts";
import { TestStore } from "./support.ts";

/** Without the caller among the container's ids, nobody there has the owner's rights. */
const nomap = "run --rm --network none --userns nomap busybox echo ran".split(" ");

describe("an installation in a directory that is closed to others", () => {
  it("unpacks for containers whose ids may not enter it", async () => {
    await using store = await TestStore.create();
    // mkdtemp(3) has made it 0700, like Debian's adduser a home.
    const tsman = await copyInstallation(join(store.scratch, "home/opt/tsman"));
    chmodSync(join(store.scratch, "home"), 0o700);
    // Through a link, as a `~/bin/tsman` would be.
    await symlink(tsman, join(store.scratch, "tsman"));
    const { stdout } = await store.succeed(nomap, { program: join(store.scratch, "tsman") });
    expect(stdout).toBe("ran\n");
  });

  it("may have its Node there, and the rest elsewhere", async () => {
    await using store = await TestStore.create();
    const node = join(store.scratch, "node");
    await copyFile(process.execPath, node, constants.COPYFILE_FICLONE);
    const { stdout } = await store.succeed(nomap, { env: { TSMAN_NODE: node } });
    expect(stdout).toBe("ran\n");
  });

  it("is named with the remedy when its very files are closed", async () => {
    await using store = await TestStore.create();
    const node = join(store.scratch, "node");
    await copyFile(process.execPath, node, constants.COPYFILE_FICLONE);
    chmodSync(node, 0o700);
    const { stderr, status } = await store.run(nomap, { env: { TSMAN_NODE: node } });
    expect(stderr).toContain("the container's ids may not read its program");
    expect(stderr).toMatch(new RegExp(`chmod -R o\\+rX .* ${node}`));
    expect(status).toBe(125);
  });
});
