import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { indexArchive, type MemberRange } from "../../../src/transport/tar-index.ts";
import { TarBuilder } from "../../support/tar-builder.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tsman-index-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The members of an archive with their contents. */
function membersOf(archive: Uint8Array): Map<string, string> {
  const file = join(directory, "archive.tar");
  writeFileSync(file, archive);
  const fd = openSync(file, "r");
  const contentOf = ({ offset, size }: MemberRange): string => {
    const bytes = Buffer.alloc(size);
    if (size > 0) readSync(fd, bytes, 0, size, offset);
    return bytes.toString();
  };
  try {
    const index = indexArchive(fd, "test");
    return new Map([...index].map(([name, range]) => [name, contentOf(range)]));
  } finally {
    closeSync(fd);
  }
}

describe("the index of an archive", () => {
  it("finds members under every spelling of a name, and what links lead to", () => {
    const long = `${"long/".repeat(30)}name`;
    const archive = new TarBuilder()
      .globalPax([["comment", "of somebody"]])
      .dir("a")
      .file("./a//b", "content")
      .file("x/../c", "other")
      .file(long, "pax", { nameStyle: "pax" })
      .gnuLongName("gnu/long/name\0")
      .file("cut off", "gnu")
      .symlink("a/link", "b")
      .symlink("d/up", "../a/link")
      .hardlink("hard", "a/b")
      .symlink("dangling", "nowhere")
      .file("empty", "")
      .build();
    expect(Object.fromEntries(membersOf(archive))).toEqual({
      "a/b": "content",
      c: "other",
      [long]: "pax",
      "gnu/long/name": "gnu",
      "a/link": "content",
      "d/up": "content",
      hard: "content",
      empty: "",
    });
  });

  it("needs no end mark, but no more after half of one", () => {
    const members = new TarBuilder().file("a", "1").buildWithoutEnd();
    expect([...membersOf(members)]).toEqual([["a", "1"]]);
    const half = Buffer.concat([members, Buffer.alloc(512)]);
    expect([...membersOf(half)]).toEqual([["a", "1"]]);
    expect(() => membersOf(Buffer.concat([half, members]))).toThrow("after a zero block");
    // What follows the end mark is not there, as for other readers.
    expect([...membersOf(Buffer.concat([half, Buffer.alloc(512), members]))]).toHaveLength(1);
  });

  it("gives back what was put in", () => {
    const name = fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,3}$/);
    const contents = fc.dictionary(name, fc.string({ maxLength: 600, unit: "grapheme-ascii" }));
    fc.assert(
      fc.property(contents, (files) => {
        const archive = new TarBuilder();
        for (const [file, text] of Object.entries(files)) archive.file(file, text);
        expect(Object.fromEntries(membersOf(archive.build()))).toEqual({ ...files });
      }),
      { numRuns: 50 },
    );
  });

  it("of any bytes is a list or a reason", () => {
    const archive = new TarBuilder()
      .file("a", "1")
      .pax([["path", "b"]])
      .file("c", "2")
      .build();
    const changes = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(changes, fc.nat(archive.length), (changed, length) => {
        const bytes = Buffer.from(archive.subarray(0, length));
        for (const [at, value] of changed) if (at < length) bytes[at] = value;
        try {
          membersOf(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "ARCHIVE_INVALID" });
        }
      }),
      { numRuns: 200 },
    );
  });
});
