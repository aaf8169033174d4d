import { expect, it } from "vitest";
import { parseTarSplit } from "../../../../src/oci/toc/tar-split.ts";

it("headers and contents follow each other as in the archive", () => {
  const text = [
    '{"type":2,"payload":"AAAA","position":0}',
    '{"type":1,"name":"a","size":5,"payload":"Y3JjNjQ=","position":1}',
    '{"type":1,"name":"empty","payload":null,"position":2}',
    '{"type":2,"payload":"","position":3}',
  ].join("\n");
  const pieces = parseTarSplit(Buffer.from(`${text}\n`));
  expect(pieces).toEqual([
    { kind: "text", start: text.indexOf("AAAA"), end: text.indexOf("AAAA") + 4 },
    { kind: "file", size: 5 },
    { kind: "text", start: text.indexOf('""') + 1, end: text.indexOf('""') + 1 },
  ]);
  expect(parseTarSplit(Buffer.alloc(0))).toEqual([]);
});

it.each([
  ["another document", "[]"],
  ["another type", '{"type":3}'],
  ["no type", "{}"],
  ["no text", '{"type":2,"payload":null}'],
  ["a text that is not base64", '{"type":2,"payload":"\\u0041"}'],
  ["half a document", '{"type":2,"payload":"AA'],
  ["a negative size", '{"type":1,"size":-1}'],
])("%s is refused", (_, text) => {
  expect(() => parseTarSplit(Buffer.from(text))).toThrow(SyntaxError);
});
