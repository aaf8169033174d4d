import fc from "fast-check";
import { extract, type Header } from "tar-stream";
import { describe, expect, it } from "vitest";
import { defaultUnpackLimits } from "../../../../src/layer/limits.ts";
import { readLayerEntry } from "../../../../src/layer/worker/layer-entry.ts";
import { TarFraming } from "../../../../src/layer/worker/tar-framing.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../../../../src/oci/tar/header.ts";

const plain: TarEntry = {
  name: "file",
  type: "file",
  size: 0,
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { sec: 1, nsec: 0 },
};

/** What the reader of layers makes of one entry. */
async function read(entry: TarEntry) {
  const body = Buffer.alloc(entry.size + tarPadding(entry.size));
  const archive = Buffer.concat([tarHeader(entry), body, tarEnd]);
  const framing = new TarFraming(defaultUnpackLimits);
  const reader = extract({ filenameEncoding: "latin1" } as never);
  const headers: Header[] = [];
  reader.on("entry", (header, stream, next) => {
    headers.push(header);
    stream.on("end", next).resume();
  });
  const ended = new Promise<void>((resolve, reject) => {
    reader.on("finish", () => resolve()).on("error", reject);
  });
  for (const piece of framing.push(archive)) reader.write(piece);
  framing.finish();
  reader.end(undefined);
  await ended;
  expect(headers).toHaveLength(1);
  return readLayerEntry(headers[0] as Header);
}

const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((array) => Buffer.from(array).toString("latin1").replaceAll(/[\0/]/g, "x"));

describe("a tar header", () => {
  it("says any name, owner, mode, time and size in a way that the reader of layers understands", async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes,
        fc.record({
          mode: fc.integer({ min: 0, max: 0o7777 }),
          uid: fc.integer({ min: 0, max: 0xffff_fffe }),
          gid: fc.integer({ min: 0, max: 0xffff_fffe }),
          size: fc.integer({ min: 0, max: 5000 }),
          sec: fc.integer({ min: -(2 ** 31), max: 2 ** 34 - 1 }),
          nsec: fc.integer({ min: 0, max: 999_999_999 }),
        }),
        async (name, { mode, uid, gid, size, sec, nsec }) => {
          const entry: TarEntry = { ...plain, name, mode, uid, gid, size, mtime: { sec, nsec } };
          expect(await read(entry)).toMatchObject({
            name,
            type: "file",
            mode,
            uid,
            gid,
            size,
            mtime: { sec, nsec },
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("says any target of a link", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (target) => {
        const entry: TarEntry = { ...plain, type: "symlink", target };
        expect(await read(entry)).toMatchObject({ type: "symlink", target });
      }),
    );
  });

  it("keeps extended attributes as bytes", async () => {
    const value = Buffer.from([0, 10, 61, 255, 128]);
    const xattrs = new Map([["security.capability", value]]);
    const { xattrs: found } = await read({ ...plain, xattrs });
    expect(found?.get("security.capability")).toEqual(value);
  });

  it("is the same for the same entry", () => {
    const entry: TarEntry = { ...plain, name: "x".repeat(200), mtime: { sec: 5, nsec: 7 } };
    expect(tarHeader(entry)).toEqual(tarHeader({ ...entry }));
  });

  it("needs one block where ustar says it all", () => {
    expect(tarHeader(plain)).toHaveLength(512);
  });
});
