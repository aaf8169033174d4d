import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileDeviceFilter } from "../../../src/runtime/device-filter.ts";

type Rule = Parameters<typeof compileDeviceFilter>[0][number];

interface Request {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** Letters of r, w and m. */
  readonly access: string;
}

const bits = { m: 1, r: 2, w: 4 } as const;
const kinds = { b: 1, c: 2 } as const;

/** Runs a program as the kernel does, as far as the compiler uses it. */
function run(code: Uint8Array, { type, major, minor, access }: Request): number {
  const letters = Object.entries(bits).filter(([letter]) => access.includes(letter));
  const asked = letters.reduce((sum, [, bit]) => sum | bit, 0);
  const context = [(asked << 16) | kinds[type], major, minor];
  const view = new DataView(code.buffer);
  const registers = new Array<number>(11).fill(0);
  for (let at = 0; at < code.length / 8; at += 1) {
    const op = view.getUint8(at * 8);
    const names = view.getUint8(at * 8 + 1);
    const [to, from] = [names & 15, names >> 4];
    const offset = view.getInt16(at * 8 + 2, true);
    const value = view.getInt32(at * 8 + 4, true);
    const [left = 0, right = 0] = [registers[to], registers[from]];
    if (op === 0x61) registers[to] = context[offset / 4] ?? Number.NaN;
    else if (op === 0xbf) registers[to] = right;
    else if (op === 0xb7) registers[to] = value;
    else if (op === 0x57) registers[to] = left & value;
    else if (op === 0x77) registers[to] = left >>> value;
    else if (op === 0x05) at += offset;
    else if (op === 0x45) at += left & value ? offset : 0;
    else if (op === 0x55) at += left === value ? 0 : offset;
    else if (op === 0x95) return registers[0] ?? Number.NaN;
    else throw new Error(`instruction ${op}`);
    // The kernel refuses programs that go backwards in this way.
    expect(offset).toBeGreaterThanOrEqual(0);
  }
  throw new Error("it does not end");
}

const isAllowed = (rules: readonly Rule[], request: Request): boolean =>
  run(compileDeviceFilter(rules), request) === 1;

/** config-linux.md, "Allowed Device list": in the order that is given. */
function expected(rules: readonly Rule[], { type, major, minor, access }: Request): boolean {
  return [...access].every((letter) => {
    let isLetterAllowed = true;
    for (const rule of rules) {
      const isMeant =
        ["", "a", type, undefined].includes(rule.type) &&
        [-1, major, undefined].includes(rule.major) &&
        [-1, minor, undefined].includes(rule.minor) &&
        (rule.access === undefined || rule.access === "" || rule.access.includes(letter));
      if (isMeant) isLetterAllowed = rule.allow;
    }
    return isLetterAllowed;
  });
}

const everything: Rule = { allow: false, access: "rwm" };
/** A block device, and one that no rule of the compiler's own speaks of. */
const disk = { type: "b", major: 8, minor: 0 } as const;

describe("a filter of devices", () => {
  it("denies what is denied, and the devices that every container has never", () => {
    for (const access of ["r", "w", "rw"]) {
      expect(isAllowed([everything], { ...disk, access })).toBe(false);
      expect(isAllowed([everything], { type: "c", major: 1, minor: 1, access })).toBe(false);
      expect(isAllowed([everything], { type: "c", major: 1, minor: 3, access })).toBe(true);
      expect(isAllowed([everything], { type: "c", major: 136, minor: 7, access })).toBe(true);
    }
    expect(isAllowed([everything], { ...disk, access: "m" })).toBe(true);
  });

  it("needs every kind of access that is asked for, from whichever rule", () => {
    const read: Rule = { allow: true, type: "b", major: 8, minor: -1, access: "r" };
    const write: Rule = { allow: true, type: "b", major: 8, access: "w" };
    expect(isAllowed([everything, read], { ...disk, access: "r" })).toBe(true);
    expect(isAllowed([everything, read], { ...disk, access: "rw" })).toBe(false);
    expect(isAllowed([everything, read, write], { ...disk, access: "rw" })).toBe(true);
    expect(isAllowed([read, everything], { ...disk, access: "r" })).toBe(false);
    expect(isAllowed([{ allow: true }, { ...disk, allow: false }], { ...disk, access: "r" })).toBe(
      false,
    );
  });

  it("applies any rules in their order", () => {
    const number = fc.constantFrom(undefined, -1, 3, 8, 300);
    const rule = fc.record({
      allow: fc.boolean(),
      type: fc.constantFrom(undefined, "", "a", "b", "c"),
      major: number,
      minor: number,
      access: fc.constantFrom(undefined, "", "r", "w", "m", "rw", "rwm"),
    });
    const request = fc.record({
      type: fc.constantFrom("b" as const, "c" as const),
      major: fc.constantFrom(3, 8, 300),
      minor: fc.constantFrom(3, 8, 300),
      access: fc.constantFrom("r", "w", "rw"),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 12 }), request, (rules, asked) => {
        expect(isAllowed(rules, asked)).toBe(expected(rules, asked));
      }),
    );
  });
});
