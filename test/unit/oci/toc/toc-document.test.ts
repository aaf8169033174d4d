import { describe, expect, it } from "vitest";
import { parseToc, type TocRules } from "../../../../src/oci/toc/toc-document.ts";

const hex = "a".repeat(64);
const digest = `sha256:${hex}`;
const file = { type: "reg", name: "bin/a", size: 10, digest, offset: 5, endOffset: 9 };

function parse(entries: readonly object[], rules: Partial<TocRules> = {}) {
  return parseText(JSON.stringify({ version: 1, entries }), rules);
}

function parseText(text: string, rules: Partial<TocRules> = {}) {
  return parseToc(Buffer.from(text), { format: "zstd:chunked", dataEnd: 1000, ...rules }).files;
}

describe("a table of contents of zstd:chunked", () => {
  it("says which bytes of the blob are a file's", () => {
    expect(
      parse([
        { type: "dir", name: "bin/", mode: 493, xattrs: { a: ["b", { c: null }] } },
        file,
        { type: "chunk", name: "bin/a", offset: 7, chunkOffset: 3, chunkDigest: digest },
        { type: "symlink", name: "bin/b", linkName: "a" },
        { ...file, name: "bin/c", offset: 20, endOffset: 21 },
      ]),
    ).toEqual([
      { name: "bin/a", size: 10, sha256: hex, range: { start: 5, end: 9 }, covered: 10 },
      { name: "bin/c", size: 10, sha256: hex, range: { start: 20, end: 21 }, covered: 10 },
    ]);
  });

  it("is read with white space, escapes and members that nobody knows", () => {
    const text = `\n{ "x" : [ 1.5e3 , -2, true , "]\\"}" ] , "entries" : [ {
      "type":"reg", "name":"with \\"quotes\\"", "size" : 1 ,"digest":"${digest}", "offset":1,
      "endOffset":2, "\\u0073ize": "not the size" } ] , "version":1 }\t`;
    expect(parseText(text)).toEqual([
      { name: undefined, size: 1, sha256: hex, range: { start: 1, end: 2 }, covered: 1 },
    ]);
  });

  it("says what list of headers belongs to it", () => {
    const parse = (text: string) =>
      parseToc(Buffer.from(text), { format: "zstd:chunked", dataEnd: 9 }).splitDigest;
    const text = `{"version":1,"entries":[],"tarSplitDigest":"${digest}"}`;
    expect(parse(text)).toBe(digest);
    expect(parse(text.replace("sha256:", "md5:"))).toBeUndefined();
    expect(parse('{"version":1,"entries":[]}')).toBeUndefined();
  });

  it("may be empty", () => {
    expect(parse([])).toEqual([]);
    expect(parseText('{"entries":[],"version":1}')).toEqual([]);
  });

  it.each([
    ["a digest", { digest: undefined }],
    ["a digest of the right kind", { digest: `sha512:${hex}` }],
    ["content", { size: 0 }],
  ])("passes over a file without %s", (_, change) => {
    expect(parse([{ ...file, ...change }])).toEqual([]);
  });

  it.each([
    ["ends before it begins", { endOffset: 4 }],
    ["is empty", { endOffset: 5 }],
    ["ends behind the archive", { endOffset: 1001 }],
    ["is shared", { innerOffset: 3 }],
  ])("has no use for a range that %s", (_, change) => {
    expect(parse([{ ...file, ...change }])).toMatchObject([{ range: undefined }]);
  });

  it.each([
    ["control characters", "a\nb".replace("\n", "\u0001")],
    ["more bytes than a path", "a".repeat(4097)],
    ["bytes that are no UTF-8", "\ufffd"],
  ])("has no use for a name with %s", (_, name) => {
    expect(parse([{ ...file, name }])).toMatchObject([{ name: undefined }]);
  });

  it.each([
    ["nothing", ""],
    ["another document", "[]"],
    ["no version", '{"entries":[]}'],
    ["another version", '{"version":2,"entries":[]}'],
    ["half of it", '{"version":1,"entries":[{"type":"reg"'],
    ["an open string", '{"version":1,"entries":[{"type":"reg'],
    ["an open value", '{"version":1,"x":'],
    ["brackets that do not match", '{"version":1,"x":]}'],
    ["something behind it", '{"version":1,"entries":[]}x'],
    ["a fraction", '{"version":1,"entries":[{"size":1.5}]}'],
    ["an exponent", '{"version":1,"entries":[{"size":1e3}]}'],
    ["a negative number", '{"version":1,"entries":[{"size":-1}]}'],
    ["a number beyond all", `{"version":1,"entries":[{"size":${"9".repeat(400)}}]}`],
    ["a text for a number", '{"version":1,"entries":[{"size":"1"}]}'],
    ["a number for a text", '{"version":1,"entries":[{"name":1}]}'],
    ["brackets without end", `{"version":1,"x":${"[".repeat(1000)}`],
    ["ranges that overlap", JSON.stringify({ version: 1, entries: [file, file] })],
  ])("is refused: %s", (_, text) => {
    expect(() => parseText(text)).toThrow(SyntaxError);
  });
});

describe("a table of contents of eStargz", () => {
  const rules = { format: "eStargz" } as const;
  const first = { type: "reg", name: "a", size: 10, digest, offset: 5, chunkSize: 4 };

  it("says where the last piece of a file begins, since headers follow it", () => {
    const second = { type: "chunk", name: "a", offset: 7, chunkOffset: 4, chunkSize: 4 };
    const third = { type: "chunk", name: "a", offset: 9, chunkOffset: 8 };
    expect(parse([first, second, third], rules)).toEqual([
      { name: "a", size: 10, sha256: hex, range: { start: 5, end: 9 }, covered: 8 },
    ]);
  });

  it("has no use for a file in one piece, or one that claims more than it has", () => {
    expect(parse([first], rules)).toMatchObject([{ range: undefined }]);
    const behind = { type: "chunk", name: "a", offset: 7, chunkOffset: 11 };
    expect(parse([first, behind], rules)).toMatchObject([{ range: undefined }]);
    expect(parse([behind], rules)).toEqual([]);
  });
});
