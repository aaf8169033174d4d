import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { layerOf, TarBuilder } from "../support/tar-builder.ts";

// A blob may belong to several images, and of images that share a layer each may have packed it in
// its own way.

const store = useStore();

const someLayer = () => new TarBuilder().file("file", randomBytes(10_000)).build();
const blobPath = (digest: string) => join(store().root, "blobs/sha256", digest.slice(7));

describe("a blob of an image", () => {
  it("stays when another image names it and lies about its content", async () => {
    await using registry = await startFaultyRegistry();
    const layer = layerOf(someLayer());
    addImage(registry, { name: "honest", layers: [layer] });
    addImage(registry, { name: "liar", layers: [layer], diffIds: [`sha256:${"d".repeat(64)}`] });
    await store().succeed(["pull", "-q", `${registry.host}/honest`]);
    const { status, stderr } = await store().run(["pull", "-q", `${registry.host}/liar`]);
    expect(status).toBe(125);
    expect(stderr).toContain("dddddddddddd");
    expect(existsSync(blobPath(layer.digest))).toBe(true);
    expect(registry.requestsOf("blob", layer.digest)).toHaveLength(1);
  });

  const missing = {
    status: 127,
    stderr: expect.stringContaining("run /program: no such program") as string,
  };
  const run = (reference: string) =>
    store().run(["run", "--rm", "--network", "none", "--userns", "keep-id", reference, "/program"]);

  it("that was not needed so far is fetched when another id mapping needs it", async () => {
    await using registry = await startFaultyRegistry();
    const tar = someLayer();
    addImage(registry, { name: "gzip", layers: [layerOf(tar, "gzip")] });
    addImage(registry, { name: "zstd", layers: [layerOf(tar, "zstd")] });
    await store().succeed(["pull", "-q", `${registry.host}/gzip`]);
    await store().succeed(["pull", "-q", `${registry.host}/zstd`]);
    expect(await run(`${registry.host}/zstd`)).toMatchObject(missing);
  });

  it.each(["damaged", "lost"])("that was %s is fetched anew", async (how) => {
    await using registry = await startFaultyRegistry();
    const layer = layerOf(someLayer());
    const reference = `${registry.host}/${how}`;
    addImage(registry, { name: how, layers: [layer] });
    await store().succeed(["pull", "-q", reference]);
    if (how === "lost") rmSync(blobPath(layer.digest));
    else writeFileSync(blobPath(layer.digest), layer.blob.subarray(0, 1000));
    expect(await run(reference)).toMatchObject(missing);
    expect(readdirSync(join(store().root, "blobs/partial"))).toEqual([]);
  });
});
