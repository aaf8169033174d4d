import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { defaultUnpackLimits } from "../../../src/layer/limits.ts";
import { TarFraming } from "../../../src/layer/worker/tar-framing.ts";
import { TarBuilder } from "../../support/tar-builder.ts";

const limits = { ...defaultUnpackLimits, maxEntries: 50, maxExtensionBytes: 100_000 };

/** tar-stream takes it for an end mark, others for a file without a name. */
const nothingButChecksum = Buffer.alloc(512);
nothingButChecksum.write("000400\0 ", 148);

/** What tar-stream gets to see of an archive that arrives in pieces of these sizes. */
function frame(archive: Buffer, sizes: readonly number[] = []): Buffer {
  const framing = new TarFraming(limits);
  const out: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, archive.length]) {
    out.push(...framing.push(archive.subarray(at, at + size)).map((piece) => Buffer.from(piece)));
    at += size;
  }
  framing.finish();
  return Buffer.concat(out);
}

function codeOf(archive: Buffer): string {
  try {
    frame(archive);
    return "none";
  } catch (error) {
    return isTsmanError(error) ? error.code : "other";
  }
}

const plain = new TarBuilder()
  .dir("etc")
  .file("etc/passwd", "root:x:0:0::/:/bin/sh\n")
  .file(`${"long/".repeat(60)}name`, "x".repeat(1000))
  .file(`${"gnu/".repeat(60)}name`, "y", { nameStyle: "gnu" })
  .symlink("link", "etc/passwd")
  .build();

const bytes = new TarBuilder()
  .file(Buffer.from("caf\xe9", "latin1"), "1")
  .file("binary", "2", { xattrs: { "user.x": Buffer.from([0, 0xff, 0x0a]) } })
  .symlink("l", Buffer.from([0xff, 0xfe]))
  .file("last", "3")
  .build();

describe("an archive in front of tar-stream", () => {
  it("passes unchanged where all its text is ASCII", () => {
    expect(frame(plain)).toEqual(plain);
  });

  it("has PAX text as UTF-8 of its bytes", () => {
    const framed = frame(bytes);
    expect(framed.includes(Buffer.from(" path=café\n"))).toBe(true);
    expect(framed.includes(Buffer.from(" SCHILY.xattr.user.x=\0ÿ\n\n"))).toBe(true);
    expect(framed.includes(Buffer.from(" linkpath=ÿþ\n"))).toBe(true);
    expect(framed.length % 512).toBe(0);
  });

  it("is the same in whichever pieces it arrives", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 1500 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.constantFrom(plain, bytes), cuts, (archive, sizes) => {
        expect(frame(archive, sizes).equals(frame(archive))).toBe(true);
      }),
    );
    expect(
      frame(
        bytes,
        Array.from(bytes, () => 1),
      ),
    ).toEqual(frame(bytes));
  });

  it("ends at its end mark, as for Go", () => {
    const hidden = new TarBuilder().file("hidden", "x").build();
    expect(frame(Buffer.concat([plain, hidden]))).toEqual(plain);
    expect(frame(Buffer.concat([plain, Buffer.from("not even tar")]))).toEqual(plain);
  });

  it("has no global PAX records, as for Go", () => {
    const archive = new TarBuilder()
      .globalPax([
        ["comment", "abc"],
        ["path", "elsewhere"],
        ["size", "7"],
      ])
      .file("file", "x")
      .build();
    expect(frame(archive)).toEqual(new TarBuilder().file("file", "x").build());
  });

  it("may lack its end mark", () => {
    const archive = new TarBuilder().file("file", "x").buildWithoutEnd();
    expect(frame(archive)).toEqual(archive);
    expect(frame(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
  });

  it("may have a size in PAX that no octal field holds", () => {
    const size = 8 ** 11;
    const archive = new TarBuilder()
      .pax([["size", String(size)]])
      .header({ name: "big", size: 0 })
      .buildWithoutEnd();
    const framing = new TarFraming(limits);
    framing.push(archive);
    expect(() => framing.finish()).toThrow("truncated");
  });
});

describe("an archive is refused", () => {
  const refused = (name: string, archive: Buffer, why: string) => [name, archive, why] as const;
  const withSize = (size: string) => {
    const field = Buffer.from(size.padEnd(12, "\0"), "latin1");
    return new TarBuilder().header({ name: "f", size: field }).build();
  };

  it.each([
    refused("when it is no tar", Buffer.alloc(2048, 0x41), "not a tar archive"),
    refused("when it is cut off in a header", plain.subarray(0, 700), "truncated"),
    refused("when it is cut off in a body", plain.subarray(0, 1500), "truncated"),
    refused(
      "when it is cut off in its end mark",
      plain.subarray(0, plain.length - 512),
      "end mark is cut off",
    ),
    refused(
      "when it goes on after one zero block",
      Buffer.concat([new TarBuilder().raw(Buffer.alloc(512)).file("f", "x").build()]),
      "goes on after a zero block",
    ),
    refused(
      "when a header has a wrong checksum",
      new TarBuilder().header({ name: "f", checksum: 1234 }).build(),
      "checksum",
    ),
    refused(
      "when a header has nothing but a checksum",
      new TarBuilder().raw(nothingButChecksum).build(),
      "checksum",
    ),
    refused("when a size is no number", withSize("12x"), "entry f has an invalid size"),
    refused("when a size is negative", withSize(`\xff${"\xff".repeat(11)}`), "invalid size"),
    refused("when a size is in an unknown base", withSize("\x81\0\0\0\0\0\0\0\0\0\0\0"), "invalid"),
    refused("when a size is beyond 2^53", withSize(`\x80\0\0\0\x7f${"\xff".repeat(7)}`), "invalid"),
    refused(
      "when two sizes disagree",
      new TarBuilder()
        .pax([["size", "512"]])
        .header({ name: "f", size: 1024 }, "x".repeat(1024))
        .build(),
      "entry f has two sizes: 1024 and, in its PAX header, 512",
    ),
    refused(
      "when a PAX size is no number",
      new TarBuilder()
        .pax([["size", "1e3"]])
        .file("f", "x")
        .build(),
      "size is not a number",
    ),
    refused(
      "when a PAX size is negative",
      new TarBuilder()
        .pax([["size", "-1"]])
        .file("f", "x")
        .build(),
      "size is not a number",
    ),
    refused(
      "when a symbolic link has a body",
      new TarBuilder().header({ name: "l", typeflag: "2", linkname: "x", size: 512 }).build(),
      "entry l has a body",
    ),
    refused(
      "when a hard link has a body by its PAX header",
      new TarBuilder()
        .pax([["size", "9999999999"]])
        .header({ name: "l", typeflag: "1", linkname: "x" })
        .build(),
      "entry l has a body",
    ),
    refused(
      "when a file is sparse",
      new TarBuilder()
        .pax([
          ["GNU.sparse.major", "1"],
          ["GNU.sparse.realsize", "9223372036854775807"],
        ])
        .file("sparse", "x")
        .build(),
      "sparse file",
    ),
    refused(
      "when an entry has two PAX headers",
      new TarBuilder()
        .pax([["path", "a"]])
        .pax([["path", "b"]])
        .file("f", "x")
        .build(),
      "two PAX headers",
    ),
    refused(
      "when an entry has a PAX and a GNU name",
      new TarBuilder()
        .pax([["path", "a"]])
        .gnuLongName("b")
        .file("f", "x")
        .build(),
      "both a PAX and a GNU long name",
    ),
    refused(
      "when an entry has two GNU link targets",
      new TarBuilder().gnuLongLink("a").gnuLongLink("b").symlink("l", "x").build(),
      "two long link targets",
    ),
    refused(
      "when it ends after a PAX header",
      new TarBuilder().pax([["path", "a"]]).build(),
      "ends after an extended header",
    ),
    refused(
      "when a PAX header is damaged",
      new TarBuilder().paxLiteral("12 path=abc").file("f", "x").build(),
      "PAX header",
    ),
  ])("%s", (_, archive, why) => {
    expect(() => frame(archive)).toThrow(why);
    expect(codeOf(archive)).toBe("LAYER_INVALID");
  });
});

describe("an archive goes over a limit", () => {
  it.each([
    ["with a PAX header of 100 MB", new TarBuilder().header({ typeflag: "x", size: 100_000_000 })],
    ["with a global one", new TarBuilder().header({ typeflag: "g", size: 100_000_000 })],
    ["with a GNU name of 100 MB", new TarBuilder().header({ typeflag: "L", size: 100_000_000 })],
    ["with a file of 8 EB", new TarBuilder().claimedSize("sparse", 2n ** 52n)],
    ["with many entries", entries(51)],
    ["with many global PAX headers", globals(51)],
  ])("%s", (_, builder) => {
    expect(codeOf(builder.build())).toBe("LAYER_LIMIT");
  });

  it("but not at it", () => {
    expect(codeOf(entries(50).build())).toBe("none");
  });
});

function entries(count: number): TarBuilder {
  const builder = new TarBuilder();
  for (let index = 0; index < count; index++) builder.file(`f${index}`);
  return builder;
}

function globals(count: number): TarBuilder {
  const builder = new TarBuilder();
  for (let index = 0; index < count; index++) builder.globalPax([["comment", "x"]]);
  return builder;
}
