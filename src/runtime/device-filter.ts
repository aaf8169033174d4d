import { endianness } from "node:os";
import type { DeviceRule } from "../oci/runtime-config.ts";

// Version 2 of control groups has no files for devices: a program of the kernel's own virtual machine
// is attached to the group and asked at each open(2) and mknod(2) (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE;
// Documentation/admin-guide/cgroup-v2.rst, "Device controller").

/** What every container may use, whatever its rules say: runc's, without /dev/net/tun. */
const always: readonly DeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...[
    [1, 3], // null
    [1, 5], // zero
    [1, 7], // full
    [1, 8], // random
    [1, 9], // urandom
    [5, 0], // tty
    [5, 1], // console
    [5, 2], // ptmx
  ].map(([major, minor]) => ({ allow: true, type: "c", major, minor })),
  { allow: true, type: "c", major: 136 }, // pts
];

/** include/uapi/linux/bpf.h: BPF_DEVCG_ACC_*, BPF_DEVCG_DEV_*. */
const accesses = [
  ["m", 1],
  ["r", 2],
  ["w", 4],
] as const;
const types: Readonly<Record<string, number>> = { b: 1, c: 2 };

/**
 * Compiles rules into such a program.  They are applied in their order, so that of those that speak of
 * a device and of a kind of access the last one counts; what none speaks of is allowed.  Pure.
 *
 * @returns instructions of eight bytes.
 */
export function compileDeviceFilter(rules: readonly DeviceRule[]): Uint8Array {
  const code: Instruction[] = [
    // r2 = access << 16 | type, r4 = major, r5 = minor, of struct bpf_cgroup_dev_ctx.
    { op: load, to: 2, from: 1, offset: 0 },
    { op: load, to: 4, from: 1, offset: 4 },
    { op: load, to: 5, from: 1, offset: 8 },
    { op: move, to: 3, from: 2 },
    { op: and, to: 3, value: 0xffff },
    { op: shiftRight, to: 2, value: 16 },
  ];
  const ordered = [...rules, ...always].toReversed();
  for (const [letter, bit] of accesses) {
    const block = accessBlock(ordered.filter(({ access }) => matches(access, letter)));
    // Each kind of access that is asked for has to be allowed.
    code.push({ op: jumpIfSet, to: 2, value: bit, offset: 1 }, { op: jump, offset: block.length });
    code.push(...block);
  }
  code.push({ op: set, to: 0, value: 1 }, { op: exit });
  return encode(code);
}

function matches(access: string | undefined, letter: string): boolean {
  return access === undefined || access === "" || access.includes(letter);
}

/** Falls through where it is allowed, and ends the program where not. */
function accessBlock(rules: readonly DeviceRule[]): readonly Instruction[] {
  // The last one that says something of every device ends the search.
  const end = rules.findIndex((rule) => conditionsOf(rule).length === 0);
  const counted = end < 0 ? rules : rules.slice(0, end + 1);
  const lengths = counted.map((rule) => conditionsOf(rule).length + (rule.allow ? 1 : 2));
  let left = lengths.reduce((sum, length) => sum + length, 0);
  return counted.flatMap((rule, index) => {
    left -= lengths[index] ?? 0;
    const verdict: readonly Instruction[] = rule.allow
      ? [{ op: jump, offset: left }]
      : [{ op: set, to: 0, value: 0 }, { op: exit }];
    const conditions = conditionsOf(rule);
    const tests = conditions.map(([register, value], at) => ({
      op: jumpUnlessEqual,
      to: register,
      value,
      offset: conditions.length - at - 1 + verdict.length,
    }));
    return [...tests, ...verdict];
  });
}

/** Registers and what they must hold. */
function conditionsOf({ type = "a", major = -1, minor = -1 }: DeviceRule): [number, number][] {
  const kind = types[type];
  return [
    ...(kind === undefined ? [] : [[3, kind] as [number, number]]),
    ...(major < 0 ? [] : [[4, major] as [number, number]]),
    ...(minor < 0 ? [] : [[5, minor] as [number, number]]),
  ];
}

interface Instruction {
  readonly op: number;
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

/** Documentation/bpf/standardization/instruction-set.rst. */
const load = 0x61;
const move = 0xbf;
const set = 0xb7;
const and = 0x57;
const shiftRight = 0x77;
const jump = 0x05;
const jumpIfSet = 0x45;
const jumpUnlessEqual = 0x55;
const exit = 0x95;

function encode(code: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  const isLittle = endianness() === "LE";
  code.forEach(({ op, to = 0, from = 0, offset = 0, value = 0 }, index) => {
    const at = index * 8;
    view.setUint8(at, op);
    view.setUint8(at + 1, isLittle ? (from << 4) | to : (to << 4) | from);
    view.setInt16(at + 2, offset, isLittle);
    view.setInt32(at + 4, value, isLittle);
  });
  return bytes;
}
