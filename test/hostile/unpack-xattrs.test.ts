import { expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security case S44: attributes with which an archive could forge the state of an overlay.

const forged = {
  "trusted.overlay.opaque": "y",
  "trusted.overlay.redirect": "/etc",
  "user.overlay.opaque": "y",
  "user.overlay.redirect": "/../../victim",
  "user.overlay.metacopy": "",
  "user.overlay.origin": "x",
  "user.fuseoverlayfs.opaque": "y",
  "user.containers.override_stat": "0:0:4755",
  "user.tsman.owner": "0:0:4755",
  "security.selinux": "system_u:object_r:shadow_t:s0",
  "security.ima": "x",
  "security.evm": "x",
};

it("attributes that belong to overlay, the host or tsman are dropped and counted", async () => {
  await using stage = await UnpackStage.make();
  const archive = new TarBuilder()
    .dir("d", { xattrs: { ...forged, "user.kept": "1" } })
    .file("f", "x", { xattrs: { ...forged, "user.kept": "2" } })
    .dir("./", { xattrs: forged })
    .build();
  const { droppedXattrs } = await stage.unpack(archive);
  expect(stage.xattrs("d")).toEqual({ "user.kept": Buffer.from("1") });
  expect(stage.xattrs("f")).toEqual({ "user.kept": Buffer.from("2") });
  expect(stage.xattrs("")).toEqual({});
  expect(droppedXattrs).toBe(3 * Object.keys(forged).length);
});

it("the mark of an opaque directory survives an entry that says otherwise", async () => {
  await using stage = await UnpackStage.make();
  const archive = new TarBuilder()
    .file("d/.wh..wh..opq")
    .dir("d", { xattrs: { "user.overlay.opaque": "n" } })
    .build();
  await stage.unpack(archive);
  expect(stage.xattrs("d")).toEqual({ "user.overlay.opaque": Buffer.from("y") });
});

it("attributes on links change nothing behind them", async () => {
  await using stage = await UnpackStage.make();
  const before = stage.outside();
  const archive = new TarBuilder()
    .symlink("l", "../victim/file", { xattrs: { "user.evil": "1" } })
    .symlink("in", "f", { xattrs: { "user.evil": "1" } })
    .file("f", "x")
    .hardlink("h", "f", { xattrs: { "user.evil": "1" } })
    .build();
  const { droppedXattrs } = await stage.unpack(archive);
  expect(stage.xattrs("f")).toEqual({});
  expect(droppedXattrs).toBe(2);
  expect(stage.outside()).toEqual(before);
});

it("file capabilities stay, as capabilities over this mapping only", async () => {
  await using stage = await UnpackStage.make();
  // VFS_CAP_REVISION_2 with CAP_NET_RAW permitted and effective: capabilities(7).
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
  const archive = new TarBuilder()
    .file("ping", "x", { mode: 0o755, xattrs: { "security.capability": capability } })
    .file("of-user", "x", { uid: 7, gid: 7, xattrs: { "security.capability": capability } })
    .build();
  const { droppedXattrs } = await stage.unpack(archive);
  expect(droppedXattrs).toBe(0);
  for (const name of ["ping", "of-user"]) {
    const value = stage.xattrs(name)["security.capability"];
    expect(value?.subarray(4, 20)).toEqual(capability.subarray(4));
    // VFS_CAP_REVISION_3: worth nothing outside a user namespace of this root.
    expect(value?.readUInt32LE(0)).toBe(0x03000001);
    expect(value?.readUInt32LE(20)).toBe(stage.mapping.uid[0]?.outside);
  }
});

it("file capabilities of a foreign namespace or of a wrong form are dropped and counted", async () => {
  await using stage = await UnpackStage.make();
  const foreign = Buffer.from("01000003002000000000000000000000000000009fffff7f", "hex");
  const archive = new TarBuilder()
    .file("foreign", "x", { xattrs: { "security.capability": foreign } })
    .file("damaged", "x", { xattrs: { "security.capability": "?" } })
    .build();
  expect((await stage.unpack(archive)).droppedXattrs).toBe(2);
  expect(stage.xattrs("foreign")).toEqual({});
  expect(stage.xattrs("damaged")).toEqual({});
});
