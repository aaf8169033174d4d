import { describe, expect, it } from "vitest";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { TestStore } from "./support.ts";

/** An image of `count` layers with a file of 100 000 bytes each. */
function layers(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    new TarBuilder().file(`file-${index}`, Buffer.alloc(100_000)).build(),
  );
}

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
