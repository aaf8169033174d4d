import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Skopeo, skopeoIn } from "./skopeo.ts";
import { registry, useStore } from "./support.ts";

const store = useStore();
let skopeo: Skopeo;
beforeAll(() => {
  skopeo = skopeoIn(store());
});

const copy = async (...args: string[]) =>
  await store().succeed(["image", "copy", "--quiet", ...args]);
const published = (name: string) => `docker://${registry()}/${name}`;
const at = (name: string) => join(store().scratch, name);

describe("an image that tsman copies", () => {
  it.each(["oci:t1:it", "oci-archive:t1.tar:it", "dir:t1dir"])(
    "from a registry to %s has the manifest that it had, and skopeo reads it",
    async (location) => {
      await copy(published("entrypoint-cmd"), location);
      expect(await skopeo.raw(location)).toBe(await skopeo.raw(published("entrypoint-cmd")));
      // All of it: skopeo verifies each blob when it copies.
      await skopeo.copy(location, `dir:checked-${location.replace(/\W/g, "-")}`);
    },
  );

  it.each(["gzip", "zstd", "uncompressed"])(
    "to a docker-archive has the same config and layers that unpack to its diffIDs (%s)",
    async (kind) => {
      const name = kind === "gzip" ? "entrypoint-cmd" : kind;
      const location = `docker-archive:d-${kind}.tar:tool:1`;
      await copy(published(name), location);
      expect(await skopeo.config(location)).toEqual(await skopeo.config(published(name)));
      await skopeo.copy(location, `dir:checked-${kind}`);
    },
  );

  it("with all platforms has its index and every manifest, byte for byte", async () => {
    await copy("--all", published("multi-platform"), "oci:all:it");
    await copy("--all", "oci:all:it", "dir:all-dir");
    expect(await skopeo.raw("oci:all:it")).toBe(await skopeo.raw(published("multi-platform")));
    await skopeo.copy("oci:all:it", "dir:all-skopeo", "--all");
    const names = readdirSync(at("all-skopeo")).toSorted();
    expect(readdirSync(at("all-dir")).toSorted()).toEqual(names);
    for (const name of names) {
      expect(readFileSync(join(at("all-dir"), name))).toEqual(
        readFileSync(join(at("all-skopeo"), name)),
      );
    }
  });

  it("in Docker's format becomes OCI's where only that fits, with the same id", async () => {
    await copy("--all", published("docker-v2s2"), "dir:v2s2-all");
    expect(await skopeo.raw("dir:v2s2-all")).toBe(await skopeo.raw(published("docker-v2s2")));
    await copy("dir:v2s2-all", "dir:v2s2");
    await copy(published("docker-v2s2"), "oci:v2s2-oci");
    const original = JSON.parse(await skopeo.raw("dir:v2s2"));
    const converted = JSON.parse(await skopeo.raw("oci:v2s2-oci"));
    expect(converted.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(converted.config.digest).toBe(original.config.digest);
    await copy("--format", "docker", "oci:v2s2-oci", "dir:v2s2-back");
    expect(JSON.parse(await skopeo.raw("dir:v2s2-back")).layers).toEqual(original.layers);
  });

  it("goes to a registry and says the digest that it has there", async () => {
    await copy(published("busybox"), "oci:up:it");
    const target = published(`copied/${process.pid}:1`);
    await copy("--digestfile", "digest", "oci:up:it", target);
    expect(await skopeo.raw(target)).toBe(await skopeo.raw(published("busybox")));
    expect(readFileSync(at("digest"), "utf8")).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("joins the images of a layout that is there", async () => {
    await copy(published("busybox"), "oci:shared:one");
    await copy(published("entrypoint-cmd"), "oci:shared:two");
    await copy(published("zstd"), "oci:shared:one");
    expect(await skopeo.raw("oci:shared:one")).toBe(await skopeo.raw(published("zstd")));
    expect(await skopeo.raw("oci:shared:two")).toBe(await skopeo.raw(published("entrypoint-cmd")));
    const index = JSON.parse(readFileSync(at("shared/index.json"), "utf8"));
    expect(index.manifests).toHaveLength(2);
  });
});

describe("a directory that is written to", () => {
  it("by several at once has the images of all", async () => {
    await copy(published("busybox"), "oci:many:first");
    const names = ["a", "b", "c"];
    await Promise.all(names.map((name) => copy(published("entrypoint-cmd"), `oci:many:${name}`)));
    for (const name of names) {
      expect(await skopeo.raw(`oci:many:${name}`)).toBe(
        await skopeo.raw(published("entrypoint-cmd")),
      );
    }
    expect(await skopeo.raw("oci:many:first")).toBe(await skopeo.raw(published("busybox")));
  });

  it("by dir: again has nothing of the image before", async () => {
    await copy("--all", published("multi-platform"), "dir:again");
    writeFileSync(join(at("again"), "signature-1"), "of the image before");
    writeFileSync(join(at("again"), "notes"), "of somebody");
    await copy(published("busybox"), "dir:again");
    await copy(published("busybox"), "dir:once");
    expect(readdirSync(at("again")).toSorted()).toEqual(
      ["notes", ...readdirSync(at("once"))].toSorted(),
    );
  });
});

describe("an image that skopeo copied", () => {
  it.each(["oci:s1:it", "oci-archive:s1.tar:it", "dir:s1dir"])(
    "to %s is taken from there unchanged",
    async (location) => {
      await skopeo.copy(published("entrypoint-cmd"), location);
      const target = `dir:taken-${location.replace(/\W/g, "-")}`;
      await copy(location, target);
      expect(await skopeo.raw(target)).toBe(await skopeo.raw(location));
    },
  );

  it("to a docker-archive is found by its name", async () => {
    await skopeo.copy(published("entrypoint-cmd"), "docker-archive:s.tar:team/tool:2");
    await copy("docker-archive:s.tar:team/tool:2", "oci:from-docker:it");
    expect(await skopeo.config("oci:from-docker:it")).toEqual(
      await skopeo.config(published("entrypoint-cmd")),
    );
    const { stderr, status } = await store().run(
      ["image", "copy", "docker-archive:s.tar:other:1", "dir:none"],
      {},
    );
    expect(status).toBe(125);
    expect(stderr).toContain("it has no image docker.io/library/other:1");
    expect(stderr).toContain("it has: docker.io/team/tool:2");
  });
});

describe("a copy that fails", () => {
  it.each([
    ["dir:broken", "dir:new"],
    ["dir:broken", "oci:new:it"],
    ["dir:broken", "oci-archive:new"],
    ["dir:broken", "docker-archive:new"],
  ])("from %s leaves nothing at %s", async (source, target) => {
    if (!existsSync(at("broken"))) {
      await skopeo.copy(published("entrypoint-cmd"), "dir:broken");
      const manifest = JSON.parse(readFileSync(at("broken/manifest.json"), "utf8"));
      const layer = manifest.layers.at(-1).digest.slice(7);
      const bytes = readFileSync(join(at("broken"), layer));
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(join(at("broken"), layer), bytes);
    }
    const { stderr, status } = await store().run(["image", "copy", "-q", source, target]);
    expect(status).toBe(125);
    expect(stderr).toMatch(/its bytes have digest|decompress/);
    expect(readdirSync(store().scratch).filter((name) => /^new|tmp$/.test(name))).toEqual([]);
  });

  it("into a layout that is there leaves it as it was", async () => {
    await copy(published("busybox"), "oci:kept:it");
    const files = () => readdirSync(at("kept"), { recursive: true, encoding: "utf8" }).toSorted();
    const before = files();
    const { status } = await store().run(["image", "copy", "-q", "dir:broken", "oci:kept:it"]);
    expect(status).toBe(125);
    expect(files()).toEqual(before);
    expect(await skopeo.raw("oci:kept:it")).toBe(await skopeo.raw(published("busybox")));
  });

  it.each([
    [["nothing", "dir:x"], "it names no transport"],
    [["oci:not-there:it", "dir:x"], "no such file or directory"],
    [["oci:full:it", "dir:x"], "it has no file oci-layout"],
    [["--all", "docker://REGISTRY/multi-platform", "docker-archive:x"], "it holds one only"],
    [["--format", "docker", "docker://REGISTRY/busybox", "oci:x"], "it holds oci documents only"],
    [["docker://REGISTRY/busybox", "dir:full"], "the directory is not empty, and no image"],
  ])("%j is told why: %s", async (args, why) => {
    mkdirSync(at("full"), { recursive: true });
    writeFileSync(join(at("full"), "mine"), "");
    const named = args.map((arg) => arg.replace("REGISTRY", registry()));
    const { stderr, status } = await store().run(["image", "copy", ...named]);
    expect(status).toBe(125);
    expect(stderr).toContain(why);
    expect(existsSync(at("x"))).toBe(false);
    expect(readdirSync(at("full"))).toEqual(["mine"]);
  });
});
