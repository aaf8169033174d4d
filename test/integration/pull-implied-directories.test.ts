import { lstatSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chainIds } from "../../src/oci/chain-id.ts";
import type { DiffId } from "../../src/oci/digest.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { idOutside } from "../support/subordinate-ids.ts";
import { type BuilderOptions, TarBuilder } from "../support/tar-builder.ts";
import { xattrsOf } from "../support/xattr.ts";
import { layerDirectory } from "./stored-layer.ts";
import { TestStore } from "./support.ts";

/** Pulls an image of these archives; what `path` is in the uppermost layer. */
async function uppermost(store: TestStore, archives: Buffer[]) {
  await using registry = await startFaultyRegistry();
  const image = addImage(registry, { name: "implied", layers: archives });
  await store.succeed(["pull", "--quiet", `${registry.host}/implied`]);
  const chain = chainIds(image.layers.map(({ diffId }) => diffId as DiffId));
  const directory = layerDirectory(store, chain.at(-1) ?? "");
  return (path: string) => {
    const status = lstatSync(`${directory}/${path}`, { bigint: true });
    return {
      mode: (status.mode & 0o7777n).toString(8),
      owner: [Number(status.uid), Number(status.gid)],
      mtime: Number(status.mtimeNs / 1_000_000_000n),
      mtimeNs: status.mtimeNs,
      xattrs: xattrsOf(Buffer.from(`${directory}/${path}`)),
    };
  };
}

const plain = () => ({ mode: "755", owner: [idOutside("uid", 0), idOutside("gid", 0)], mtime: 0 });
const shared = { mode: 0o2775, uid: 1000, gid: 1001, mtime: { seconds: 77 } };
const inherited = () => ({
  mode: "2775",
  owner: [idOutside("uid", 1000), idOutside("gid", 1001)],
  mtime: 77,
});
const file = (path: string) => new TarBuilder().file(path, "x").build();

describe("a directory that a layer implies by a name in it", () => {
  it("has the attributes of the layer below, as an overlay would show them", async () => {
    await using store = await TestStore.create();
    const base = new TarBuilder()
      .dir("tmp", { mode: 0o1777 })
      .dir("srv", shared)
      .dir("srv/deep", { mode: 0o700, xattrs: { "user.note": "kept" } })
      .build();
    // The layer between has a directory of its own, and implies one.
    const between = new TarBuilder().dir("tmp", { mode: 0o1770 }).file("srv/other", "x").build();
    const above = new TarBuilder().file("tmp/x").file("srv/deep/x").file("new/x").build();
    const seen = await uppermost(store, [base, between, above]);
    expect(seen("tmp")).toMatchObject({ mode: "1770" });
    expect(seen("srv")).toMatchObject(inherited());
    expect(seen("srv/deep")).toMatchObject({ mode: "700" });
    expect(seen("srv/deep").xattrs["user.note"]?.toString()).toBe("kept");
    expect(seen("new")).toMatchObject(plain());
  });

  it.each<[string, Buffer[]]>([
    ["was removed", [new TarBuilder().dir("srv", shared).build(), file(".wh.srv")]],
    [
      "was hidden by an opaque root",
      [new TarBuilder().dir("srv", shared).build(), file(".wh..wh..opq")],
    ],
    ["is a link", [new TarBuilder().dir("own", shared).symlink("srv", "own").build()]],
    ["is a link to the host", [new TarBuilder().symlink("srv", "/etc").build()]],
  ])("is a plain one where what the layers below have %s", async (_, lower) => {
    await using store = await TestStore.create();
    const seen = await uppermost(store, [...lower, file("srv/x")]);
    expect(seen("srv")).toMatchObject(plain());
  });

  it("and that lies in an opaque directory has nothing of what that hides", async () => {
    await using store = await TestStore.create();
    const base = new TarBuilder().dir("srv").dir("srv/deep", shared).build();
    const opaque = new TarBuilder().dir("srv", { mode: 0o750 }).file("srv/.wh..wh..opq").build();
    const seen = await uppermost(store, [base, opaque, file("srv/deep/x")]);
    expect(seen("srv")).toMatchObject({ mode: "750" });
    expect(seen("srv/deep")).toMatchObject(plain());
  });

  it.each<[string, BuilderOptions]>([
    ["mode and owner", { mode: 0o750, uid: 1000, gid: 1001 }],
    ["extended attributes", { xattrs: { "user.note": "kept" } }],
    ["only another time", { mtime: { seconds: 77, nanoseconds: 5 } }],
    ["only a time before 1970", { mtime: { seconds: -78, nanoseconds: 5 } }],
    ["nothing of its own", { mtime: { seconds: 0 } }],
  ])("is the root too, with %s", async (_, options) => {
    await using store = await TestStore.create();
    const base = new TarBuilder().dir(".", options).file("x").build();
    const root = await uppermost(store, [base]);
    const seen = await uppermost(store, [base, file("y"), file("z")]);
    expect(seen("")).toEqual(root(""));
    const { mode = 0o755, xattrs = {} } = options;
    expect(seen("").mode).toBe(mode.toString(8));
    expect(Object.keys(seen("").xattrs)).toEqual(Object.keys(xattrs));
  });

  it("may be implied by one blob that is several layers, at the same time", async () => {
    await using store = await TestStore.create();
    const base = new TarBuilder().dir("srv", shared).build();
    const seen = await uppermost(store, [base, ...Array.from({ length: 6 }, () => file("srv/x"))]);
    expect(seen("srv")).toMatchObject(inherited());
  });
});
