import type { Header } from "tar-stream";
import { describe, expect, it } from "vitest";
import { readLayerEntry } from "../../../src/layer/worker/layer-entry.ts";

function read(header: Partial<Header>, pax?: Readonly<Record<string, string>>) {
  return readLayerEntry({
    name: "file",
    size: 0,
    mode: 0o644,
    mtime: new Date(0),
    type: "file",
    linkname: "",
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    devmajor: 0,
    devminor: 0,
    ...header,
    ...(pax === undefined ? {} : { pax }),
  });
}

describe("an entry's owner", () => {
  it("is read from the PAX header first", () => {
    expect(read({ uid: 1, gid: 2 }, { uid: "3000000", gid: "4" })).toMatchObject({
      uid: 3_000_000,
      gid: 4,
    });
  });

  it.each(["4294967295", "4294967296", "18446744073709551616", "-1", "1x", "0x1", "1e3", " 1", ""])(
    "cannot be %j",
    (uid) => {
      expect(() => read({}, { uid })).toThrow(/uid/);
      expect(() => read({}, { gid: uid })).toThrow(/gid/);
    },
  );

  it.each([-1, 4_294_967_295, 2 ** 53, Number.NaN])("cannot be %d in the header", (uid) => {
    expect(() => read({ uid })).toThrow("uid that is out of range");
  });

  it("may be the highest id there is", () => {
    expect(read({}, { uid: "4294967294" }).uid).toBe(4_294_967_294);
  });
});

describe("an entry's time", () => {
  it.each([
    ["1700000000.123456789", { sec: 1_700_000_000, nsec: 123_456_789 }],
    ["1700000000.5", { sec: 1_700_000_000, nsec: 500_000_000 }],
    ["1700000000.1234567891", { sec: 1_700_000_000, nsec: 123_456_789 }],
    ["1700000000", { sec: 1_700_000_000, nsec: 0 }],
    ["-1.25", { sec: -2, nsec: 750_000_000 }],
    ["-86400", { sec: -86_400, nsec: 0 }],
    ["-0", { sec: 0, nsec: 0 }],
    ["999999999999999", { sec: 0, nsec: 0 }],
  ])("%s of a PAX header is %j", (mtime, time) => {
    expect(read({}, { mtime }).mtime).toEqual(time);
  });

  it.each(["", "x", "1.2.3", "1,5", "0x10", "1e9", "NaN"])("cannot be %j", (mtime) => {
    expect(() => read({}, { mtime })).toThrow("mtime");
  });

  it("is the epoch if the header's is beyond what file systems hold", () => {
    expect(read({ mtime: new Date(Number.NaN) }).mtime).toEqual({ sec: 0, nsec: 0 });
    expect(read({ mtime: new Date(8.6e15) }).mtime).toEqual({ sec: 0, nsec: 0 });
  });
});

describe("an entry's type", () => {
  it("is a directory if the name of an empty file of an old archive says so", () => {
    expect(read({ name: "dir/" }).type).toBe("directory");
    expect(() => read({ name: "dir/", size: 1 })).toThrow("name of a directory");
  });

  it("is nothing else than what layers may have", () => {
    const unknown = { type: null } as unknown as Partial<Header>;
    expect(() => read(unknown)).toThrow("type that layers cannot have");
    const inherited = { type: "constructor" } as unknown as Partial<Header>;
    expect(() => read(inherited)).toThrow("type that layers cannot have");
  });
});

describe("an entry's extended attributes", () => {
  it("are bytes, and counted where they are dropped", () => {
    const { xattrs, droppedXattrs } = read(
      {},
      {
        "SCHILY.xattr.user.binary": "\x00\xff\n=",
        "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.user.\xff": "not UTF-8",
        "LIBARCHIVE.xattr.user.other": "x",
      },
    );
    expect(xattrs).toEqual(new Map([["user.binary", Buffer.from([0, 0xff, 0x0a, 0x3d])]]));
    expect(droppedXattrs).toBe(2);
  });
});
