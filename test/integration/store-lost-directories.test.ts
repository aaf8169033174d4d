import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { TestStore } from "./support.ts";

const run = "run --rm --network none --volume data:/data busybox echo works".split(" ");

it.each(["locks", "layers", "blobs", "containers", "volumes"])(
  "a store that lost its directory %s mends itself",
  async (name) => {
    await using store = await TestStore.create();
    await store.succeed("run --name kept --network none -v data:/data busybox true".split(" "));
    await rename(join(store.root, name), join(store.scratch, "lost"));

    const listed = await store.succeed(["ps", "--all", "--format", "{{.Names}}"]);
    expect(listed.stdout).toBe("kept\n");
    expect((await store.succeed(run)).stdout).toBe("works\n");
    await store.succeed(["rm", "kept"]);
    await store.succeed(["rmi", "busybox"]);
    // Everything anew, from the installation.
    expect((await store.succeed(run)).stdout).toBe("works\n");
  },
);
