import { lstatSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security cases S38 and S39: CVE-2024-12905, CVE-2025-48387 and CVE-2025-59343 (tar-fs),
// CVE-2026-23745, -23950, -26960, -29786 and -31802 (node-tar), CVE-2025-45582 (GNU tar),
// CVE-2021-29136 (umoci).

const evil = "overwritten";

/** Unpacks what may or may not be refused; in either case nothing outside may have changed. */
async function attack(stage: UnpackStage, archive: Buffer): Promise<string> {
  const before = stage.outside();
  const outcome = await stage.unpack(archive).then(
    () => "unpacked",
    (error: Error) => error.message,
  );
  expect(stage.outside()).toEqual(before);
  return outcome;
}

describe("a name that climbs out of the layer is refused", () => {
  it.each([
    "../victim/file",
    "../../victim",
    "a/../../victim/file",
    "./../victim/file",
    "/../victim/file",
    "../layer-2/file",
    "a/..",
    "..",
    "C:/../../victim/file",
  ])("%s", async (name) => {
    await using stage = await UnpackStage.make();
    const outcome = await attack(stage, new TarBuilder().file(name, evil).build());
    expect(outcome).toMatch(
      /^unpack layer sha256:[0-9a-f]{12}: entry .*: name .* escapes the rootfs$/,
    );
    expect(outcome).toContain(name);
  });

  it.each(["pax", "gnu"] as const)("in a long name (%s)", async (nameStyle) => {
    await using stage = await UnpackStage.make();
    const name = `${"a/".repeat(60)}${"../".repeat(61)}victim/file`;
    const archive = new TarBuilder().file(name, evil, { nameStyle }).build();
    expect(await attack(stage, archive)).toContain("escapes the rootfs");
  });

  it("where a PAX header replaces a harmless one", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .pax([["path", "../victim/file"]])
      .header({ name: "harmless", size: evil.length }, evil)
      .build();
    expect(await attack(stage, archive)).toContain("entry ../victim/file: name");
  });

  it("where it is put together from prefix and name", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().header({ name: "victim/file", prefix: ".." }).build();
    expect(await attack(stage, archive)).toContain("entry ../victim/file: name");
  });

  it.each(["dir", "symlink", "fifo", "char"] as const)("of a %s", async (type) => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().entry(type, "../victim/new", { target: "x" }).build();
    expect(await attack(stage, archive)).toContain("escapes the rootfs");
  });
});

describe("a name that is absolute is one of the layer", () => {
  it("with the victim's own path", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().file(stage.victim, evil).build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(stage.read(stage.victim)).toBe(evil);
  });
});

describe("a symbolic link to outside", () => {
  it("is kept as it is, since it means something else in a container", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .symlink("absolute", stage.victim)
      .symlink("relative", "../victim/file")
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(lstatSync(stage.layer("relative")).isSymbolicLink()).toBe(true);
  });

  it.each(["../victim", "../../../../../../..", "a/../../victim", "./.."])(
    "to %s leads no file there",
    async (target) => {
      await using stage = await UnpackStage.make();
      const archive = new TarBuilder().symlink("door", target).file("door/file", evil).build();
      expect(await attack(stage, archive)).toContain(
        "entry door/file: a link in its path escapes the rootfs",
      );
    },
  );

  it("that is absolute leads to the layer's own directory of that name", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .symlink("door", `${stage.directory}/victim`)
      .file("door/file", evil)
      .dir("door/directory", { mode: 0o700 })
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(stage.read(stage.victim)).toBe(evil);
  });

  it("leads nowhere through a chain of links either", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .dir("a")
      .dir("a/b")
      .symlink("a/b/up", "..")
      .symlink("one", "a/b/up/up")
      .symlink("a/up", "..")
      .symlink("a/b/two", "../up/../victim")
      .file("a/b/two/file", evil)
      .build();
    expect(await attack(stage, archive)).toContain("entry a/b/two/file: a link in its path");
  });

  it("is replaced, not followed, by a file of its name", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .symlink("passwd", stage.victim)
      .file("passwd", evil, { mode: 0o604, uid: 1, gid: 1 })
      .symlink("relative", "../victim/file")
      .file("relative", evil)
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(stage.read("passwd")).toBe(evil);
    expect(stage.read("relative")).toBe(evil);
  });

  it("is replaced, not followed, by a directory of its name", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .symlink("door", "../victim")
      .dir("door", { mode: 0o700, mtime: { seconds: 5 } })
      .file("door/file", evil)
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(stage.read("door/file")).toBe(evil);
  });

  it("gets its own owner and time, not its target", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .symlink("l", "../victim/file", { uid: 1, gid: 1, mode: 0o777, mtime: { seconds: 5 } })
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(lstatSync(stage.layer("l")).mtimeMs).toBe(5000);
  });

  it("turns round in circles without end in no way", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", evil).build();
    expect(await attack(stage, archive)).toContain("entry a/x: too many links in its path");
  });
});

describe("the layer's root directory", () => {
  it.each([".", "./", "/", "/."])("cannot become a link: %s", async (name) => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().symlink(name, "../victim").file("file", evil).build();
    expect(await attack(stage, archive)).toContain("replaces the root directory");
  });

  it("gets the attributes that the archive has for it", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().dir("./", { mode: 0o750, mtime: { seconds: 7 } }).build();
    expect(await attack(stage, archive)).toBe("unpacked");
    const status = lstatSync(stage.layer());
    expect(status.mode & 0o7777).toBe(0o750);
    expect(status.mtimeMs).toBe(7000);
  });
});

describe("a second archive", () => {
  it("is not unpacked over the first, whose links it could use", async () => {
    await using stage = await UnpackStage.make();
    await stage.unpack(new TarBuilder().symlink("door", "../victim").build());
    const before = stage.outside();
    const refusal = await stage.refusal(new TarBuilder().file("door/file", evil).build());
    expect(refusal.message).toContain("is not empty");
    expect(stage.outside()).toEqual(before);
  });
});

describe("names that are one on other file systems", () => {
  it("are several here, in whatever order", async () => {
    await using stage = await UnpackStage.make();
    const composed = Buffer.from("\u00e9", "utf8");
    const decomposed = Buffer.from("e\u0301", "utf8");
    const archive = new TarBuilder()
      .symlink("DIR", "../victim")
      .dir("dir")
      .file("dir/file", evil)
      .symlink(composed, "../victim")
      .dir(decomposed)
      .file(Buffer.concat([decomposed, Buffer.from("/file")]), evil)
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(stage.names()).toHaveLength(6);
  });
});

describe("entries of one name", () => {
  it("replace each other, whatever they are", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .dir("x")
      .dir("x/y")
      .symlink("x/y/door", "../../../victim")
      .file("x", "now a file")
      .dir("x")
      .file("x/new", "new")
      .fifo("f")
      .symlink("f", "x")
      .file("f", "last")
      .build();
    expect(await attack(stage, archive)).toBe("unpacked");
    expect(stage.names()).toEqual(["f", "x", "x/new"]);
    expect(stage.read("f")).toBe("last");
  });

  it("do not make a directory of a file that is in the way", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder().file("x", "file").file("x/y", evil).build();
    expect(await attack(stage, archive)).toContain("entry x/y: its parent /x is not a directory");
  });
});
