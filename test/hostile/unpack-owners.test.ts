import { lstatSync } from "node:fs";
import { getgid, getuid } from "node:process";
import { describe, expect, it } from "vitest";
import type { UsernsMaps } from "../../src/platform/userns.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

/** Only root inside, which is the caller. */
const oneId: UsernsMaps = {
  uid: [{ inside: 0, outside: getuid?.() ?? 0, count: 1 }],
  gid: [{ inside: 0, outside: getgid?.() ?? 0, count: 1 }],
  denySetgroups: true,
};

const status = (stage: UnpackStage, path: string) => {
  const { uid, gid, mode } = lstatSync(stage.layer(path));
  return { uid, gid, mode: (mode & 0o7777).toString(8) };
};

describe("owners that the id mapping lacks", () => {
  const archive = new TarBuilder()
    .file("setuid-of-user", "x", { uid: 100, gid: 42, mode: 0o6755 })
    .file("setuid-of-root", "x", { mode: 0o4755 })
    .dir("mail", { gid: 8, mode: 0o2775 })
    .symlink("link", "x", { uid: 100 })
    .fifo("fifo", { gid: 42 })
    .file("shadow", "x", { gid: 42, mode: 0o640 })
    .build();

  it("become root in a one-id mapping, and are remembered", async () => {
    await using stage = await UnpackStage.make();
    const { lostOwners } = await stage.unpack(archive, { mapping: oneId });
    const owner = { uid: getuid?.(), gid: getgid?.() };
    expect(lostOwners).toBe(5);
    expect(status(stage, "shadow")).toEqual({ ...owner, mode: "640" });
    expect(status(stage, "mail")).toEqual({ ...owner, mode: "2775" });
    expect(status(stage, "link")).toMatchObject(owner);
    expect(stage.xattrs("shadow")["user.tsman.owner"]?.toString()).toBe("0:42:0640");
    expect(stage.xattrs("mail")["user.tsman.owner"]?.toString()).toBe("0:8:2775");
    expect(stage.xattrs("setuid-of-root")).toEqual({});
  });

  it("take setuid and setgid along, which would become root's", async () => {
    await using stage = await UnpackStage.make();
    await stage.unpack(archive, { mapping: oneId });
    expect(status(stage, "setuid-of-user").mode).toBe("755");
    expect(status(stage, "setuid-of-root").mode).toBe("4755");
    expect(stage.xattrs("setuid-of-user")["user.tsman.owner"]?.toString()).toBe("100:42:6755");
  });

  it("become root also if they are beyond a range", async () => {
    await using stage = await UnpackStage.make();
    const beyond = new TarBuilder()
      .file("f", "x", { uid: 4_000_000_000, gid: 1, mode: 0o6755 })
      .build();
    const { lostOwners } = await stage.unpack(beyond);
    expect(lostOwners).toBe(1);
    expect(status(stage, "f").mode).toBe("2755");
    expect(stage.xattrs("f")["user.tsman.owner"]?.toString()).toBe("4000000000:1:6755");
  });
});

describe("a directory that nobody may enter", () => {
  it("is filled, closed, and can be removed", async () => {
    await using stage = await UnpackStage.make();
    const archive = new TarBuilder()
      .dir("./", { mode: 0 })
      .dir("closed", { mode: 0, uid: 7, gid: 7 })
      .file("closed/f", "x", { mode: 0, uid: 8 })
      .file("closed/deeper/f", "x")
      .build();
    const { impliedDirectories } = await stage.unpack(archive);
    expect(lstatSync(stage.layer()).mode & 0o7777).toBe(0);
    expect(impliedDirectories).toEqual(["/closed/deeper"]);
  });
});

it("a set-group-ID parent of the layer passes nothing on", async () => {
  await using stage = await UnpackStage.make();
  const archive = new TarBuilder().dir("d", { mode: 0o755 }).file("d/f", "x").build();
  await stage.unpack(archive);
  expect(status(stage, "d").mode).toBe("755");
  expect(lstatSync(stage.layer("d")).gid).toBe(stage.mapping.gid[0]?.outside);
});
