import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";
import { dockerArchive, layoutArchive, packed } from "../support/archived-image.ts";
import { TarBuilder } from "../support/tar-builder.ts";

// An archive of images may come from anybody: what it says about itself must not reach anything
// outside, nor make two readers see two images.

const store = useStore();
const secret = () => join(store().scratch, "secret");
beforeAll(() => writeFileSync(secret(), "the victim's secret"));

/** Images that are there, for which a command has to be started. */
const images = async () => (await store().succeed(["images", "-q"])).stdout;

/** Blobs and layers, partial ones too: what a refused archive must not change. */
const contents = () => ({
  files: ["blobs/sha256", "blobs/partial", "layers"].map((name) =>
    readdirSync(join(store().root, name), { recursive: true, encoding: "utf8" })
      // The directory of an id mapping is no layer.
      .filter((path) => name !== "layers" || path.includes("/"))
      .toSorted(),
  ),
  secret: existsSync(secret()),
});

let imagesBefore: string;
beforeAll(async () => {
  // A first listing takes the embedded image up.
  imagesBefore = await images();
});

async function refused(archive: Buffer, why: string | RegExp, code = 125): Promise<void> {
  const before = contents();
  const { status, stdout, stderr } = await store().run(["load", "-q"], { input: archive });
  if (typeof why === "string") expect(stderr).toContain(why);
  else expect(stderr).toMatch(why);
  expect(stderr).not.toContain("this is a defect");
  expect(stderr).not.toContain("the victim's secret");
  // Nothing that a terminal could take for a command (case S35).
  expect(stderr.replaceAll("\n", "")).toMatch(/^[\x20-\x7e…]*$/);
  expect({ status, stdout }).toEqual({ status: code, stdout: "" });
  expect(contents()).toEqual(before);
}

const layer = () => new TarBuilder().file("file", randomBytes(1000)).build();
const image = () => dockerArchive({ layers: [layer()] });

describe("a member of an archive", () => {
  it.each(["../outside", "a/../../outside", "/etc/passwd", "..", "./.."])(
    "called %s is refused",
    async (name) => {
      const { files } = image();
      const archive = new TarBuilder().file(name, "x");
      for (const [file, bytes] of files) archive.file(file, bytes);
      await refused(archive.build(), "leads out of the archive");
    },
  );

  it.each(["symlink", "hardlink"] as const)("that leads out as a %s is refused", async (type) => {
    const { files } = image();
    for (const target of ["../../../../etc/passwd", secret(), "/etc/passwd"]) {
      const archive = new TarBuilder()[type]("layer.tar", target);
      for (const [file, bytes] of files) archive.file(file, bytes);
      await refused(archive.build(), "leads out of the archive");
    }
  });

  it("behind links that lead in circles is not there", async () => {
    const { files } = dockerArchive({ layers: [layer()], entry: { Layers: ["a"] } });
    const archive = new TarBuilder().symlink("a", "b").symlink("b", "a");
    for (const [file, bytes] of files) archive.file(file, bytes);
    await refused(archive.build(), "leads to too many others");
  });

  it.each(["manifest.json", "layer"])("that stands there twice (%s) is refused", async (what) => {
    const { files } = image();
    const [first = ""] = files.keys();
    const archive = new TarBuilder();
    for (const [file, bytes] of files) archive.file(file, bytes);
    archive.file(what === "layer" ? `./${first}` : "./manifest.json", "other");
    await refused(archive.build(), "stands there twice");
  });

  it("with two sizes, or of an unknown kind, is refused", async () => {
    const { files } = image();
    const rest = packed(files);
    const twoSizes = new TarBuilder().pax([["size", "3"]]).file("x", "four");
    await refused(Buffer.concat([twoSizes.buildWithoutEnd(), rest]), "has two sizes");
    const sparse = new TarBuilder().pax([["GNU.sparse.major", "1"]]).file("x", "four");
    await refused(Buffer.concat([sparse.buildWithoutEnd(), rest]), "is sparse");
    const fifo = new TarBuilder().fifo("manifest.json");
    await refused(fifo.build(), "is of type 6");
    const huge = new TarBuilder().claimedSize("x", 1n << 62n, "");
    await refused(huge.build(), /invalid size|cut off/);
  });

  it("whose name would move the cursor is told without that", async () => {
    await refused(new TarBuilder().file("../\u001b[2J\u0007", "x").build(), "leads out");
  });
});

describe("an archive's manifest.json", () => {
  it.each([
    ["../secret", "has no file ../secret"],
    ["/etc/passwd", "has no file /etc/passwd"],
    ["", "has no file"],
  ])("cannot name %j", async (name, why) => {
    const { files } = dockerArchive({ layers: [layer()], entry: { Config: name } });
    await refused(packed(files), why);
    const { files: more } = dockerArchive({ layers: [layer()], entry: { Layers: [name] } });
    await refused(packed(more), why.replace("file", "layer"));
  });

  it("larger than any is refused before it is read", async () => {
    const { files } = image();
    files.set("manifest.json", Buffer.alloc(5 * 1024 * 1024, " "));
    await refused(packed(files), "5242880 bytes, 4194304 are the limit");
  });

  it.each([
    ["{}", "should be of type array"],
    ["[{}]", "0.Config should be of type string"],
    ['[{"Config":"a","Config":"b","Layers":[]}]', '"Config" stands twice'],
    ["[", "not JSON"],
    [`${"[".repeat(100)}`, "nested more than"],
  ])("that says %j is refused", async (text, why) => {
    const { files } = image();
    files.set("manifest.json", Buffer.from(text));
    await refused(packed(files), why);
  });

  it("with other layers than the config is refused", async () => {
    const two = dockerArchive({ layers: [layer(), layer()], entry: { Layers: ["x"] } });
    await refused(packed(two.files), "1 layers in its manifest.json, but 2 in its config");
  });

  it("with a name that is none is refused", async () => {
    const { files } = dockerArchive({ layers: [layer()], names: ["Not A Name\u001b[2J"] });
    await refused(packed(files), "is no image's name");
  });
});

describe("a layer of an archive", () => {
  it.each(["none", "gzip"] as const)("that is not the config's is refused (%s)", async (how) => {
    const { files } = dockerArchive({
      layers: [layer()],
      compression: how,
      diffIds: [`sha256:${"d".repeat(64)}`],
      entry: { Layers: ["layer.tar"] },
    });
    const [first = Buffer.alloc(0)] = files.values();
    files.set("layer.tar", first);
    await refused(packed(files), /dddddddddddd/);
  });

  it("that leads out of its image is refused, the blob too", async () => {
    const bad = new TarBuilder().file("../../../secret", "changed").build();
    for (const files of [
      dockerArchive({ layers: [bad] }).files,
      layoutArchive({ layers: [bad] }).files,
    ]) {
      await refused(packed(files), "../../../secret");
    }
  });

  it("that is damaged in an OCI archive is refused", async () => {
    const { files, layers } = layoutArchive({ layers: [layer()] });
    const name = `blobs/sha256/${layers[0]?.digest.slice(7)}`;
    const bytes = Buffer.from(files.get(name) ?? "");
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    files.set(name, bytes);
    await refused(packed(files), /digest|decompress/);
    files.set(name, bytes.subarray(0, 30));
    await refused(packed(files), /were promised|decompress/);
  });
});

describe("an OCI archive", () => {
  it.each([
    ["oci-layout", '{"imageLayoutVersion":"2.0.0"}', "a layout of version 2.0.0"],
    ["oci-layout", "no", "not JSON"],
    ["index.json", '{"schemaVersion":2,"manifests":[],"layers":[]}', "read in two ways"],
    [
      "index.json",
      '{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}',
      "digest",
    ],
  ])("whose %s says %s is refused", async (file, text, why) => {
    const { files } = layoutArchive({ layers: [layer()] });
    files.set(file, Buffer.from(text));
    await refused(packed(files), why);
  });

  it("whose manifest is another one than its index says is refused", async () => {
    const { files } = layoutArchive({ layers: [layer()] });
    const index = JSON.parse(String(files.get("index.json")));
    const name = `blobs/sha256/${index.manifests[0].digest.slice(7)}`;
    files.set(name, Buffer.from(`${files.get(name)} `));
    await refused(packed(files), "its bytes have digest");
  });
});

/** An archive with a layer that only says to be compressed by xz. */
function foreignLayer(): Buffer {
  const { files } = image();
  for (const name of files.keys()) {
    if (name.endsWith(".tar")) files.set(name, Buffer.from("\xfd7zXZ\0\0\x04", "latin1"));
  }
  return packed(files);
}

describe("bytes that are no archive", () => {
  it.each([
    ["nothing", Buffer.alloc(0), "empty or too short"],
    ["noise", randomBytes(4096).fill(0x41, 0, 8), "not a tar archive"],
    ["an empty archive", new TarBuilder().build(), "it has none of oci-layout and manifest.json"],
    ["a part of one", packed(image().files).subarray(0, 900), "cut off"],
    ["a part of a compressed one", gzipSync(packed(image().files)).subarray(0, 900), "decompress"],
    ["another compression", Buffer.from("BZh91AY&SY"), "bzip2 -dc FILE | tsman load"],
    ["yet another", Buffer.from("\xfd7zXZ\0\0\x04", "latin1"), "xz -dc FILE | tsman load"],
    ["a layer of which is compressed so", foreignLayer(), "skopeo copy docker-archive:FILE"],
  ])("(%s) are refused", async (_name, bytes, why) => {
    await refused(bytes, why);
  });

  it("that expand without end are refused", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const { status, stderr } = await store().run(["load", "-q"], {
      input: bomb,
      env: { TSMAN_LIMITS: "maxImageBytes=8m" },
    });
    expect(status).toBe(125);
    expect(stderr).toContain("unpacks to more bytes than the limit");
    expect(readdirSync(join(store().root, "blobs/partial"))).toEqual([]);
  });
});

it("all that was refused has left no image", async () => {
  expect(await images()).toBe(imagesBefore);
});

describe("a directory of images", () => {
  it("is read by digest only, and never waited for", async () => {
    const { files } = layoutArchive({ layers: [layer()] });
    const directory = join(store().scratch, "layout");
    mkdirSync(join(directory, "blobs/sha256"), { recursive: true });
    for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
    await store().succeed(["load", "-q", "-i", directory]);
    // A blob that is really another file of the user's is no blob.
    const { layers } = layoutArchive({ layers: [layer()] });
    const link = layoutArchive({ layers: [layer()] });
    for (const [name, bytes] of link.files) writeFileSync(join(directory, name), bytes);
    const blob = join(directory, "blobs/sha256", link.layers[0]?.digest.slice(7) ?? "");
    symlinkSync(secret(), `${blob}.new`);
    renameSync(`${blob}.new`, blob);
    const { status, stderr } = await store().run(["load", "-q", "-i", directory]);
    expect(status).toBe(125);
    expect(stderr).not.toContain("the victim's secret");
    expect(layers).toHaveLength(1);
  });
});
