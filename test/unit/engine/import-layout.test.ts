import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { resolvePaths } from "../../../src/config/paths.ts";
import { createContext } from "../../../src/engine/context.ts";
import { importLayout } from "../../../src/engine/images/import-layout.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import { tryLockFile } from "../../../src/platform/file-lock.ts";
import { scratchStore } from "../store/scratch-store.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";

/** An image without layers as image-spec/image-layout.md has it. */
function writeLayout(directory: string): void {
  const blobs = path.join(directory, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const add = (document: object) => {
    const text = JSON.stringify(document);
    const digest = sha256Digest(text);
    writeFileSync(path.join(blobs, digest.slice("sha256:".length)), text);
    return { digest, size: text.length };
  };
  const config = add({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [] },
  });
  const manifest = add({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, ...config },
    layers: [],
  });
  const index = { schemaVersion: 2, manifests: [{ mediaType: manifestType, ...manifest }] };
  writeFileSync(path.join(directory, "index.json"), JSON.stringify(index));
}

describe("the import of a layout", () => {
  it("waits while content that no image refers to is collected", async () => {
    using scratch = scratchStore();
    const { store } = scratch;
    const layout = path.join(scratch.base, "layout");
    writeLayout(layout);
    const collection = tryLockFile(store.contentLockPath);
    const name = "localhost/empty:latest";
    const importing = importLayout(createContext(resolvePaths(), store), layout, name);
    const first = await Promise.race([
      importing.then(() => "imported"),
      new Promise((resolve) => setImmediate(resolve, "waiting")),
    ]);
    expect(first).toBe("waiting");
    expect(store.blobs.list()).toEqual([]);
    collection?.release();
    await importing;
    expect(store.images.findByName(name)).toBeDefined();
    expect(store.blobs.list()).toHaveLength(2);
  });
});
