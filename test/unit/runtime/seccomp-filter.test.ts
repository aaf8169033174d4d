import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LinuxSeccomp } from "../../../src/oci/runtime-spec.ts";
import { compileSeccompFilter, formatFilterSource } from "../../../src/runtime/seccomp-filter.ts";

const compiler = vi.hoisted(() => ({ path: "" }));
vi.mock("../../../src/platform/native.ts", () => ({ seccompCompiler: () => compiler.path }));

const profile: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38,
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls: [
    { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
    { names: ["mount"], action: "SCMP_ACT_ERRNO" },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    {
      names: ["ioctl"],
      action: "SCMP_ACT_ALLOW",
      args: [
        { index: 1, value: 255, valueTwo: 7, op: "SCMP_CMP_MASKED_EQ" },
        { index: 2, value: 3, op: "SCMP_CMP_NE" },
      ],
    },
  ],
};

describe("formatFilterSource", () => {
  it("writes one rule a line and leaves out what repeats the default", () => {
    expect(formatFilterSource(profile)).toBe(
      [
        "default SCMP_ACT_ERRNO 38",
        "arch SCMP_ARCH_X86_64",
        "rule SCMP_ACT_ALLOW 0 read",
        "rule SCMP_ACT_ALLOW 0 write",
        "rule SCMP_ACT_ERRNO 1 mount",
        "rule SCMP_ACT_ALLOW 0 ioctl 1 SCMP_CMP_MASKED_EQ 255 7 2 SCMP_CMP_NE 3",
        "",
      ].join("\n"),
    );
  });

  it("makes a rule of each condition where two are on one argument, as runc and crun", () => {
    const args = [1, 2].map((value) => ({ index: 1, value, op: "SCMP_CMP_EQ" as const }));
    const other = { index: 0, value: 3, op: "SCMP_CMP_NE" as const };
    const source = formatFilterSource({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: [],
      syscalls: [{ names: ["mkdir", "chmod"], action: "SCMP_ACT_ERRNO", args: [...args, other] }],
    });
    const rules = ["1 SCMP_CMP_EQ 1", "1 SCMP_CMP_EQ 2", "0 SCMP_CMP_NE 3"].flatMap((condition) =>
      ["mkdir", "chmod"].map((name) => `rule SCMP_ACT_ERRNO 1 ${name} ${condition}\n`),
    );
    expect(source).toBe(`default SCMP_ACT_ALLOW\n${rules.join("")}`);
  });

  it("leaves a default without errno alone", () => {
    const source = formatFilterSource({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: [],
      syscalls: [
        { names: ["read"], action: "SCMP_ACT_ALLOW" },
        { names: ["reboot"], action: "SCMP_ACT_KILL_PROCESS" },
      ],
    });
    expect(source).toBe("default SCMP_ACT_ALLOW\nrule SCMP_ACT_KILL_PROCESS 0 reboot\n");
  });
});

describe("compileSeccompFilter", () => {
  let directory = "";
  const program = (script: string) => {
    compiler.path = path.join(directory, "compiler");
    writeFileSync(compiler.path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  const cached = () => readdirSync(path.join(directory, "seccomp"));

  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), "tsman-seccomp-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("compiles once and reads the result from the cache afterwards", async () => {
    program("cat >/dev/null; printf 01234567");
    const first = await compileSeccompFilter(profile, directory);
    expect(Buffer.from(first).toString()).toBe("01234567");
    program("exit 1");
    expect(await compileSeccompFilter(profile, directory)).toEqual(first);
    expect(cached()).toHaveLength(1);
  });

  it("keeps filters of different rules apart", async () => {
    program("cat >/dev/null; printf 01234567");
    await compileSeccompFilter(profile, directory);
    await compileSeccompFilter({ ...profile, defaultErrnoRet: 1 }, directory);
    expect(cached()).toHaveLength(2);
  });

  it("does not use a cached filter that others may write, or that is no filter", async () => {
    program("cat >/dev/null; printf 01234567");
    await compileSeccompFilter(profile, directory);
    const file = path.join(directory, "seccomp", cached()[0] ?? "");
    chmodSync(file, 0o666);
    program("cat >/dev/null; printf abcdefgh");
    expect(Buffer.from(await compileSeccompFilter(profile, directory)).toString()).toBe("abcdefgh");
    writeFileSync(file, "odd");
    chmodSync(file, 0o600);
    expect(Buffer.from(await compileSeccompFilter(profile, directory)).toString()).toBe("abcdefgh");
  });

  it("works without a cache", async () => {
    program("cat >/dev/null; printf 01234567");
    writeFileSync(path.join(directory, "file"), "");
    const filter = await compileSeccompFilter(profile, path.join(directory, "file"));
    expect(filter).toHaveLength(8);
  });

  it.each([
    ["what the compiler says", "echo 'line 3: odd' >&2; exit 1", "line 3: odd"],
    ["an empty filter", "cat >/dev/null", "ended with 0"],
    ["a cut-off filter", "cat >/dev/null; printf 0123", "ended with 0"],
  ])("reports %s", async (_, script, why) => {
    mkdirSync(path.join(directory, "seccomp"));
    program(script);
    await expect(compileSeccompFilter(profile, directory)).rejects.toThrow(why);
    expect(cached()).toEqual([]);
  });
});
