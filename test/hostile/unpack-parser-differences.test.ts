import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security cases S49 and S100: one archive that two readers read differently, e.g. a scanner and
// tsman.  What tar-framing.ts itself refuses is in its unit test.

const hidden = new TarBuilder().file("hidden", "x", { mode: 0o4755 }).build();

describe("an archive that readers disagree about is refused, by name", () => {
  it("with a file in what one size calls content and the other calls entries", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .pax([["size", String(hidden.length)]])
      .header({ name: "f", size: 0 })
      .raw(hidden)
      .build();
    const { code, message } = await stage.refusal(archive);
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain("entry f has two sizes");
    expect(stage.names()).toEqual([]);
  });

  it.each([
    ["a hard link", "1"],
    ["a symbolic link", "2"],
    ["a fifo", "6"],
  ])("with a file in the body of %s", async (_, typeflag) => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .file("target")
      .header({ name: "l", typeflag, linkname: "target", size: hidden.length })
      .raw(hidden)
      .build();
    expect((await stage.refusal(archive)).message).toContain("entry l has a body");
    expect(stage.names()).not.toContain("hidden");
  });

  it.each(["S", "V", "M", "D", "N", "A", "X", "Z"])("with entries of type %s", async (typeflag) => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().header({ name: "odd", typeflag }).build();
    expect((await stage.refusal(archive)).message).toContain("entry odd");
  });
});

describe("an archive that readers could disagree about is read as Go reads it", () => {
  it("without global PAX records", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .globalPax([
        ["path", "../victim/file"],
        ["linkpath", "../victim/file"],
        ["uid", "4294967295"],
      ])
      .file("f", "x")
      .symlink("l", "f")
      .build();
    await stage.unpack(archive);
    expect(stage.names()).toEqual(["f", "l"]);
  });

  it("without what follows the end mark", async () => {
    await using stage = await UnpackStage.make();
    const archive = Buffer.concat([new TarBuilder().file("f").build(), hidden]);
    await stage.unpack(archive, { compression: "none" });
    expect(stage.names()).toEqual(["f"]);
  });

  it("with a directory's stated size as nothing", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .header({ name: "d/", typeflag: "5", size: 4096, mode: 0o755 })
      .file("f", "x")
      .build();
    await stage.unpack(archive);
    expect(stage.names()).toEqual(["d", "f"]);
  });

  it("with the headers of the seventh edition of Unix", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .header({ name: "old/", typeflag: "\0", magic: "", mode: 0o755 })
      .header({ name: "old/f", typeflag: "\0", magic: "", size: 1 }, "x")
      .build();
    await stage.unpack(archive);
    expect(stage.names()).toEqual(["old", "old/f"]);
  });
});

describe("a number that is none of its kind is refused", () => {
  it.each([
    ["uid", "4294967295"],
    ["gid", "4294967295"],
    ["uid", "4294967296"],
    ["uid", "-1"],
    ["uid", "0x0"],
    ["gid", "1e3"],
    ["mtime", "soon"],
  ])("%s=%s", async (key, value) => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .pax([[key, value]])
      .header({ name: "f", mode: 0o4755 })
      .build();
    const { code, message } = await stage.refusal(archive);
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain(`entry f: `);
    expect(message).toContain(key);
    expect(stage.names()).toEqual([]);
  });
});
