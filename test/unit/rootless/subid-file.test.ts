import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isInitialMap,
  parseGetsubids,
  parseOfferedIds,
  parseSubidFile,
  rangesOfUser,
} from "../../../src/rootless/subid-file.ts";

describe("/etc/subuid", () => {
  it("gives the ranges of a user by name and by number, in order", () => {
    const entries = parseSubidFile("ada:100000:65536\nbob:200000:10\n1000:300000:5\n");
    expect(rangesOfUser(entries, { name: "ada", uid: 1000 })).toEqual([
      { start: 100_000, count: 65_536 },
      { start: 300_000, count: 5 },
    ]);
    expect(rangesOfUser(entries, { name: undefined, uid: 7 })).toEqual([]);
  });

  it.each([
    ["an empty line", ""],
    ["a comment", "# ada:1:2"],
    ["a missing count", "ada:100000"],
    ["a count of nothing", "ada:100000:0"],
    ["words", "ada:x:y"],
    ["a sign", "ada:+1:-2"],
    ["a hexadecimal number", "ada:0x10:10"],
    ["a fourth field", "ada:1:2:3"],
    ["no owner", ":100000:65536"],
    ["more ids than there are", "ada:4294967290:10"],
    ["a number that does not fit", "ada:99999999999:1"],
  ])("passes over %s and keeps the next line", (_, line) => {
    expect(parseSubidFile(`${line}\nada:100000:65536\n`)).toEqual([
      { owner: "ada", start: 100_000, count: 65_536 },
    ]);
  });

  it("never gives an id that does not exist, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), fc.integer(), (text, start, count) => {
        for (const entry of parseSubidFile(`${text}\nada:${start}:${count}`)) {
          expect(entry.start).toBeGreaterThanOrEqual(0);
          expect(entry.start + entry.count).toBeLessThanOrEqual(4_294_967_295);
        }
      }),
    );
  });
});

it("getsubids' lines give ranges, other lines nothing", () => {
  expect(parseGetsubids("0: ada 100000 65536\n1: ada 300000 10\nError fetching ranges\n")).toEqual([
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
  ]);
});

describe("/proc/self/uid_map", () => {
  it("of the initial user namespace is told from that of a container", () => {
    expect(isInitialMap("         0          0 4294967295\n")).toBe(true);
    expect(isInitialMap("         0       1000          1\n")).toBe(false);
    expect(isInitialMap("0 100000 65536\n")).toBe(false);
  });

  it("gives the ids that exist inside", () => {
    const text = "         0       1000          1\n         1     100000      65536\n";
    expect(parseOfferedIds(text)).toEqual([
      { start: 0, count: 1 },
      { start: 1, count: 65_536 },
    ]);
  });
});
