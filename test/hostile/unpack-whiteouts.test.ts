import { lstatSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security case S41; image-spec/layer.md, "Whiteouts".

const isWhiteout = (stage: UnpackStage, path: string) => {
  const status = lstatSync(stage.layer(path));
  return status.isCharacterDevice() && status.rdev === 0;
};

const isOpaque = (stage: UnpackStage, path: string) =>
  stage.xattrs(path)["user.overlay.opaque"]?.toString() === "y";

describe("a whiteout", () => {
  it.each([
    [".wh.", "whiteout of an empty name"],
    ["a/.wh.", "whiteout of an empty name"],
    [".wh..", "whiteout of ."],
    [".wh...", "whiteout of .."],
    ["a/.wh...", "whiteout of .."],
    [".wh.x/y", "a whiteout is used as a directory"],
    ["../.wh.victim", "escapes the rootfs"],
    ["../victim/.wh.file", "escapes the rootfs"],
    ["../victim/.wh..wh..opq", "escapes the rootfs"],
  ])("is refused as %s, and deletes nothing", async (name, why) => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder().dir("a").file("a/b", "x").file(name).build();
    const { message } = await stage.refusal(archive);
    expect(message).toContain(`entry ${name}: `);
    expect(message).toContain(why);
    expect(stage.outside()).toEqual(before);
  });

  it("leads nowhere through a link", async () => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder().symlink("door", "../victim").file("door/.wh.file").build();
    expect((await stage.refusal(archive)).message).toContain("a link in its path escapes");
    expect(stage.outside()).toEqual(before);
  });

  it("of a symbolic link's name hides the link, not what it leads to", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().file("target", "x").file(".wh.link").build();
    await stage.unpack(archive);
    expect(isWhiteout(stage, "link")).toBe(true);
    expect(stage.read("target")).toBe("x");
  });

  it("is no directory, link, fifo or device", async () => {
    for (const type of ["dir", "symlink", "fifo", "char"] as const) {
      await using stage = await UnpackStage.make();
      const archive = new TarBuilder().entry(type, ".wh.x", { target: "y" }).build();
      expect((await stage.refusal(archive)).message).toContain("is a whiteout that is no file");
    }
  });

  it("has no content, whatever the archive says", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().file(".wh.x", "content".repeat(500)).file("y", "y").build();
    await stage.unpack(archive);
    expect(isWhiteout(stage, "x")).toBe(true);
    expect(stage.read("y")).toBe("y");
  });

  it("leaves what its own layer has, before and after it", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .file("before", "b")
      .file(".wh.before")
      .file(".wh.after")
      .file("after", "a")
      .symlink("link", "x")
      .file(".wh.link")
      .file(".wh.link-after")
      .symlink("link-after", "y")
      .build();
    await stage.unpack(archive);
    expect(stage.read("before")).toBe("b");
    expect(stage.read("after")).toBe("a");
    expect(lstatSync(stage.layer("link")).isSymbolicLink()).toBe(true);
    expect(lstatSync(stage.layer("link-after")).isSymbolicLink()).toBe(true);
    expect(stage.names()).toEqual(["after", "before", "link", "link-after"]);
  });

  it("of a directory that its own layer has makes it opaque, before and after it", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .dir("before")
      .file("before/kept", "1")
      .file(".wh.before")
      .file(".wh.after")
      .dir("after")
      .file("after/kept", "2")
      .file(".wh.implied")
      .file("implied/kept", "3")
      .dir("untouched")
      .build();
    await stage.unpack(archive);
    for (const name of ["before", "after", "implied"]) {
      expect(isOpaque(stage, name)).toBe(true);
      expect(stage.names(name)).toEqual([`${name}/kept`]);
    }
    expect(isOpaque(stage, "untouched")).toBe(false);
  });

  it("may hide names of any bytes", async () => {
    await using stage = await UnpackStage.make();
    const name = Buffer.from([0x2e, 0x77, 0x68, 0x2e, 0xff, 0x0a, 0x2a]);
    await stage.unpack(new TarBuilder().file(name).file(".wh....").build());
    expect(stage.names()).toEqual(["...", "\xff\n*"]);
  });
});

describe("an opaque whiteout", () => {
  it("marks its directory, and leaves what the layer has in it, before and after it", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .dir("d", { mode: 0o711 })
      .file("d/before", "1")
      .file("d/.wh..wh..opq")
      .file("d/after", "2")
      .file("implied/.wh..wh..opq")
      .build();
    const { opaqueRoot } = await stage.unpack(archive);
    expect(isOpaque(stage, "d")).toBe(true);
    expect(isOpaque(stage, "implied")).toBe(true);
    expect(stage.names()).toEqual(["d", "d/after", "d/before", "implied"]);
    expect(lstatSync(stage.layer("d")).mode & 0o7777).toBe(0o711);
    expect(opaqueRoot).toBe(false);
  });

  it("at the root is told to the caller, since overlay does not look at a root's mark", async () => {
    await using stage = await UnpackStage.make();
    const { opaqueRoot } = await stage.unpack(new TarBuilder().file(".wh..wh..opq").build());
    expect(opaqueRoot).toBe(true);
  });

  it("goes with the directory that a file replaces", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().file("d/.wh..wh..opq").file("d", "file").dir("d").build();
    await stage.unpack(archive);
    expect(isOpaque(stage, "d")).toBe(false);
  });
});

describe("book-keeping of AUFS", () => {
  it("is left out", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .file(".wh..wh.aufs")
      .dir(".wh..wh.plnk")
      .file(".wh..wh.plnk/12.34", "x".repeat(2000))
      .hardlink(".wh.gone", ".wh..wh.aufs")
      .file("kept", "x")
      .build();
    await stage.unpack(archive);
    expect(stage.names()).toEqual(["gone", "kept"]);
    expect(isWhiteout(stage, "gone")).toBe(true);
  });
});
