import { lstatSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security cases S38 and S42: CVE-2021-32760 (containerd: chmod of host files through hard links),
// CVE-2026-23745 and -26960 (node-tar: targets of hard links).

describe("a hard link to a file outside is refused", () => {
  it.each([
    ["../victim/file", "link target ../victim/file escapes the rootfs"],
    ["a/../../victim/file", "escapes the rootfs"],
    ["..", "escapes the rootfs"],
    ["victim/file", "link target victim/file is not a file of this layer"],
    ["", "link target is empty"],
    [".", "links to the root directory"],
    ["/", "links to the root directory"],
  ])("%s", async (target, why) => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder()
      .dir("a")
      .hardlink("link", target, { mode: 0o4777, uid: 1, gid: 1, mtime: { seconds: 5 } })
      .file("link", "overwritten", { mode: 0o4777 })
      .build();
    const { message, code } = await stage.refusal(archive);
    expect(message).toMatch(/^unpack layer sha256:[0-9a-f]{12}: entry link: /);
    expect(message).toContain(why);
    expect(code).toBe("LAYER_INVALID");
    expect(stage.outside()).toEqual(before);
  });

  it("also with an absolute target, which is one of the layer", async () => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder().hardlink("link", stage.victim).build();
    expect((await stage.refusal(archive)).message).toContain("is not a file of this layer");
    expect(stage.outside()).toEqual(before);
  });

  it("also where a link in its path leads there", async () => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder()
      .symlink("door", "../victim")
      .hardlink("link", "door/file")
      .build();
    expect((await stage.refusal(archive)).message).toContain("a link in its path escapes");
    expect(stage.outside()).toEqual(before);
  });

  it("also where a PAX header replaces a harmless target", async () => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder()
      .file("file", "x")
      .pax([["linkpath", "../victim/file"]])
      .header({ name: "link", typeflag: "1", linkname: "file" })
      .build();
    expect((await stage.refusal(archive)).message).toContain("escapes the rootfs");
    expect(stage.outside()).toEqual(before);
  });
});

describe("a hard link", () => {
  it("to a symbolic link is one more name of the link, and changes nothing behind it", async () => {
    await using stage = await UnpackStage.make();
    const before = stage.outside();
    const archive = new TarBuilder()
      .symlink("l", "../victim/file")
      .hardlink("l2", "l", { mode: 0o4777, uid: 1, gid: 1 })
      .file("l2", "overwritten")
      .hardlink("l3", "l", { mode: 0 })
      .build();
    await stage.unpack(archive);
    expect(lstatSync(stage.layer("l3")).isSymbolicLink()).toBe(true);
    expect(lstatSync(stage.layer("l3")).ino).toBe(lstatSync(stage.layer("l")).ino);
    expect(stage.read("l2")).toBe("overwritten");
    expect(stage.outside()).toEqual(before);
  });

  it("has the attributes of its target, whatever its own entry says", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .file("file", "x", { mode: 0o640 })
      .hardlink("link", "file", { mode: 0o4777, mtime: { seconds: 5 } })
      .build();
    await stage.unpack(archive);
    const status = lstatSync(stage.layer("file"));
    expect(status.mode & 0o7777).toBe(0o640);
    expect(status.mtimeMs).toBe(1000);
    expect(status.nlink).toBe(2);
  });

  it("cannot be one to a directory, a whiteout or an entry to come", async () => {
    for (const [archive, why] of [
      [new TarBuilder().dir("d").hardlink("l", "d"), "links to a directory"],
      [new TarBuilder().file(".wh.w").hardlink("l", "w"), "is not a file of this layer"],
      [new TarBuilder().hardlink("l", "later").file("later"), "is not a file of this layer"],
      [new TarBuilder().file("f").hardlink("l", "f/x"), "is not a file of this layer"],
    ] as const) {
      await using stage = await UnpackStage.make();
      expect((await stage.refusal(archive.build())).message).toContain(why);
    }
  });

  it("to itself, or twice to the same file, changes nothing", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .file("f", "content")
      .hardlink("f", "f")
      .hardlink("g", "./f")
      .hardlink("g", "f")
      .build();
    await stage.unpack(archive);
    expect(stage.read("g")).toBe("content");
    expect(lstatSync(stage.layer("f")).nlink).toBe(2);
  });
});
