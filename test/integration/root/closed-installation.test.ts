import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { copyInstallation } from "../copied-installation.ts";
import { TestStore } from "../support.ts";

it("root's installation in root's home unpacks for ids that may not enter it", async () => {
  await using store = await TestStore.create();
  const program = await copyInstallation(join(store.scratch, "root/tsman"));
  chmodSync(join(store.scratch, "root"), 0o700);
  const run = "run --rm --network none busybox echo ran".split(" ");
  const { stdout } = await store.succeed(run, { program });
  expect(stdout).toBe("ran\n");
});
