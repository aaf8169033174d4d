import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { statusOf } from "../support/proc.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { addRandomImage } from "./served-images.ts";
import { TestStore } from "./support.ts";

/** An image of `count` layers with a file of 100 000 bytes each. */
function layers(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    new TarBuilder().file(`file-${index}`, Buffer.alloc(100_000)).build(),
  );
}

it("a pull keeps little of a layer in memory, however large that is", async () => {
  const mebibyte = 1024 * 1024;
  await using registry = await startFaultyRegistry();
  await using store = await TestStore.create();
  const image = addRandomImage(registry, [80]);
  const [layer] = image.layers;
  registry.fault({
    on: "blob",
    reference: layer?.digest ?? "",
    times: 1,
    action: {
      kind: "hold",
      bytes: (layer?.blob.length ?? 0) - 1,
      until: new Promise(() => undefined),
    },
  });
  const pull = store.start(["pull", "--quiet", image.reference]);
  const partial = join(store.root, "blobs/partial", layer?.digest.slice(7) ?? "");
  await until("79 MiB of the layer on disk", () =>
    (statSync(partial, { throwIfNoEntry: false })?.size ?? 0) > 79 * mebibyte ? true : undefined,
  );
  // Its largest so far, of which 57 MiB are Node's program and what it has read.
  const largest = Number(statusOf(pull.pid).VmHWM?.replace(" kB", "")) / 1024;
  pull.child.kill("SIGKILL");
  await pull.ended;
  expect(largest).toBeLessThan(135);
});

describe("an image that asks for more than a limit", () => {
  it.each([
    ["maxLayers=3", "it has 4 layers, the limit is 3"],
    ["maxImageBytes=250k", "its layers together have more bytes, the limit is 256000"],
    ["maxImageEntries=3", "its layers together have more entries, the limit is 3"],
    ["maxBytes=90k", "more bytes than the limit 92160"],
  ])("%s is refused with the remedy, which helps", async (limit, why) => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    addImage(registry, { name: "large", layers: layers(4) });
    const pull = ["pull", "--quiet", `${registry.host}/large`];
    const refused = await store.run(pull, { env: { TSMAN_LIMITS: limit } });
    expect(refused.stderr).toContain(why);
    expect(refused.status).toBe(125);
    expect((await store.succeed(["images", "--quiet"])).stdout).not.toContain("large");
    const remedy = /TSMAN_LIMITS=(\S+) tsman/.exec(refused.stderr)?.[1];
    expect(remedy?.split("=")[0]).toBe(limit.split("=")[0]);
    await store.succeed(pull, { env: { TSMAN_LIMITS: remedy } });
  });

  it("names a limit that there is not", async () => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    addImage(registry, { name: "small", layers: layers(1) });
    const pull = ["pull", `${registry.host}/small`];
    const { stderr, status } = await store.run(pull, { env: { TSMAN_LIMITS: "maxFun=3" } });
    expect(stderr).toContain('"maxFun=3" is not of the form');
    expect(status).toBe(125);
  });
});
