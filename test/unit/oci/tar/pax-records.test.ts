import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paxRecord } from "../../../../images/tar.ts";
import { encodeByteStrings, parsePaxRecords } from "../../../../src/oci/tar/pax-records.ts";

describe("the records of a PAX header", () => {
  it("are read as bytes", () => {
    const body = Buffer.concat([
      paxRecord("path", Buffer.from([0x61, 0xff, 0x0a, 0x3d, 0x62])),
      paxRecord("SCHILY.xattr.security.capability", Buffer.from([1, 0, 0, 2, 0xfe])),
      paxRecord("empty", ""),
    ]);
    expect([...parsePaxRecords(body)]).toEqual([
      ["path", "a\xff\n=b"],
      ["SCHILY.xattr.security.capability", "\x01\x00\x00\x02\xfe"],
      ["empty", ""],
    ]);
  });

  it("survive being written for a reader of UTF-8, whatever their bytes", () => {
    const keys = fc.string({ unit: fc.constantFrom("a", "b", ".", "\xe9"), minLength: 1 });
    const values = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.dictionary(keys, values), (records) => {
        const given = new Map(
          Object.entries(records).map(([key, value]) => [key, value.toString("latin1")]),
        );
        const rewritten = encodeByteStrings(given);
        const asUtf8 = new Map<string, string>();
        for (const [key, value] of parsePaxRecords(rewritten)) {
          const decode = (text: string) => Buffer.from(text, "latin1").toString("utf8");
          asUtf8.set(decode(key), decode(value));
        }
        expect(asUtf8).toEqual(given);
      }),
    );
  });

  it.each([
    ["no length", "path=x\n"],
    ["a length without a space", "8path=x\n"],
    ["a length that is too short", "8 path=x\n"],
    ["a length that is too long", "99 path=x\n"],
    ["a length of 0", "0 path=x\n"],
    ["a negative length", "-1 path=x\n"],
    ["an endless length", `${"9".repeat(400)} path=x\n`],
    ["no =", "9 pathxx\n"],
    ["no key", "6 =xx\n"],
    ["no newline", "10 path=xy"],
    ["padding", "10 path=x\n\0\0"],
    ["a key with NUL", "11 pa\0th=x\n"],
  ])("are refused if there is %s", (_, text) => {
    expect(() => parsePaxRecords(Buffer.from(text))).toThrow("PAX header");
  });
});
