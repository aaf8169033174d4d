import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemble } from "../../../images/assemble.ts";
import { dir, file, type Recipe } from "../../../images/recipe.ts";

let work = "";
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "assemble-"));
});
afterAll(async () => {
  await rm(work, { recursive: true });
});

const platform = { os: "linux", architecture: "amd64" };

/** A new object each time, so that nothing comes from a cache. */
const recipe = (): Recipe => ({
  about: "two layers",
  images: [
    {
      platform,
      layers: [
        { entries: [dir("a"), file("a/b", "content")] },
        { entries: [file("c", "zstd")], compression: "zstd" },
      ],
    },
  ],
});

async function blobsOf(layout: string): Promise<string[]> {
  return (await readdir(join(layout, "blobs/sha256"))).sort();
}

describe("an assembled layout", () => {
  it("has the same bytes every time", async () => {
    const one = join(work, "one");
    const two = join(work, "two");
    await assemble(recipe(), { name: "x:latest", directory: one });
    await assemble(recipe(), { name: "x:latest", directory: two });
    expect(await blobsOf(one)).toEqual(await blobsOf(two));
    expect(await readFile(join(one, "index.json"))).toEqual(
      await readFile(join(two, "index.json")),
    );
  });

  it("names every blob by its digest, and holds no other file", async () => {
    const layout = join(work, "digests");
    await assemble(recipe(), { name: "x:latest", directory: layout });
    const blobs = await blobsOf(layout);
    // Two layers, a config, a manifest.
    expect(blobs).toHaveLength(4);
    for (const name of blobs) {
      const bytes = await readFile(join(layout, "blobs/sha256", name));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(name);
    }
  });

  it("wraps several images in an index with their platforms", async () => {
    const layout = join(work, "index");
    const arm = { os: "linux", architecture: "arm", variant: "v7" };
    const root = await assemble(
      {
        about: "two platforms",
        images: [
          { platform, layers: [] },
          { platform: arm, layers: [] },
        ],
      },
      { name: "x:latest", directory: layout },
    );
    expect(root.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    const path = join(layout, "blobs", root.digest.replace(":", "/"));
    const index = JSON.parse(await readFile(path, "utf8")) as { manifests: object[] };
    expect(index.manifests).toMatchObject([{ platform }, { platform: arm }]);
  });

  it("replaces an older one as a whole", async () => {
    const layout = join(work, "replaced");
    await assemble(recipe(), { name: "x:latest", directory: layout });
    const other: Recipe = { about: "less", images: [{ platform, layers: [] }] };
    await assemble(other, { name: "x:latest", directory: layout });
    expect(await blobsOf(layout)).toHaveLength(2);
    expect((await readdir(work)).filter((name) => name.includes("partial"))).toEqual([]);
  });
});
