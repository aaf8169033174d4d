import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { defaultProfile } from "../../src/bundle/seccomp/default-profile.ts";
import { resolveProfile } from "../../src/bundle/seccomp/resolve-profile.ts";
import { seccompCompiler } from "../../src/platform/native.ts";
import { formatFilterSource } from "../../src/runtime/seccomp-filter.ts";

/** One struct sock_filter; <linux/filter.h>. */
interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** struct seccomp_data without the instruction pointer: words by their offset; seccomp(2). */
type Call = ReadonlyMap<number, number>;

const source = (capabilities: readonly string[], architecture = "amd64") =>
  formatFilterSource(
    resolveProfile(defaultProfile, { capabilities, architecture, kernelRelease: "6.1.0" }),
  );

function compile(text: string): Instruction[] {
  const bytes = execFileSync(seccompCompiler(), { input: text });
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    code: bytes.readUInt16LE(index * 8),
    jt: bytes.readUInt8(index * 8 + 2),
    jf: bytes.readUInt8(index * 8 + 3),
    k: bytes.readUInt32LE(index * 8 + 4),
  }));
}

/** What the filter answers; classic BPF as of <linux/bpf_common.h>. */
function ask(filter: readonly Instruction[], call: Call): number {
  let value = 0;
  for (let at = 0; ; at += 1) {
    const one = filter[at];
    if (one === undefined) throw new Error(`the filter ends at ${at} without an answer`);
    const { code, jt, jf, k } = one;
    if (code === 0x20) value = call.get(k) ?? 0;
    else if (code === 0x54) value = (value & k) >>> 0;
    else if (code === 0x06) return k;
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += value === k ? jt : jf;
    else if (code === 0x25) at += value > k ? jt : jf;
    else if (code === 0x35) at += value >= k ? jt : jf;
    else if (code === 0x45) at += (value & k) !== 0 ? jt : jf;
    else throw new Error(`an instruction that no filter has: ${code}`);
  }
}

/** <linux/audit.h>: x86-64 with x32, i386, arm64, arm, and one that no profile has. */
const machines = [0xc000_003e, 0x4000_0003, 0xc000_00b7, 0x4000_0028, 0xc000_00f3];
/** All numbers that there are, those of x32, and the ends. */
const numbers = [
  ...Array.from({ length: 1100 }, (_, number) => number),
  ...Array.from({ length: 600 }, (_, number) => 0x4000_0000 + number),
  ...[0x000f_0001, 0x000f_0006, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff],
];

/** Arguments that all are one 64-bit value, each that the filter compares with among them. */
function argumentsFor(filter: readonly Instruction[]): Call[] {
  const words = new Set([0, 1, 0xffff_ffff]);
  const behind = filter.findIndex(({ code, k }) => code === 0x20 && k >= 16);
  for (const { k } of filter.slice(behind)) words.add(k).add((k ^ 1) >>> 0);
  return Array.from(words).flatMap((word) =>
    [0, 1].map(
      (high) =>
        new Map(Array.from({ length: 12 }, (_, at) => [16 + 4 * at, at % 2 === 0 ? word : high])),
    ),
  );
}

describe("the compiled default filter", () => {
  it.each([
    ["as for a container without capabilities", source([])],
    ["with capabilities that open more", source(["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF"])],
    ["of arm64", source([], "arm64")],
  ])("%s is smaller than libseccomp's, and answers every call as that does", (_, text) => {
    const [whole, small] = [compile(`${text}whole\n`), compile(text)];
    expect(small.length).toBeLessThan(whole.length * 0.6);
    const looked = argumentsFor(whole);
    const none: Call = new Map();
    const differing: string[] = [];
    for (const machine of machines) {
      for (const number of numbers) {
        const call = [[0, number] as const, [4, machine] as const];
        // Only some numbers have their arguments looked at.
        const depends = dependsOnArguments(whole, new Map(call));
        for (const args of depends ? looked : [none]) {
          const data = new Map([...args, ...call]);
          if (ask(whole, data) !== ask(small, data)) differing.push(`${machine} ${number}`);
        }
      }
    }
    expect(differing).toEqual([]);
  });
});

function dependsOnArguments(filter: readonly Instruction[], call: Call): boolean {
  let isLooked = false;
  const watched = new Map(call);
  watched.get = (offset) => {
    if (offset >= 16) isLooked = true;
    return call.get(offset);
  };
  ask(filter, watched);
  return isLooked;
}
