import { describe, expect, it } from "vitest";
import {
  parseSeccompProfile,
  readSeccompProfile,
} from "../../../../src/bundle/seccomp/docker-profile.ts";
import { resolveProfile } from "../../../../src/bundle/seccomp/resolve-profile.ts";

const parse = (document: unknown) => parseSeccompProfile(JSON.stringify(document), "p.json");
const target = { capabilities: ["CAP_KILL"], architecture: "amd64", kernelRelease: "5.4.0-x" };

const rule = (rest: object) => ({ names: ["read"], action: "SCMP_ACT_ALLOW", ...rest });

describe("parseSeccompProfile", () => {
  it("takes Docker's, Podman's and the OCI form", () => {
    const profile = parse({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrno: "ENOSYS",
      archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: [] }],
      syscalls: [
        rule({ args: null, comment: "", includes: {}, excludes: {} }),
        { name: "write", action: "SCMP_ACT_ERRNO", errno: "EACCES" },
        {
          names: ["socket"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: 22,
          args: [{ index: 0, value: 16, valueTwo: 0, op: "SCMP_CMP_EQ" }],
        },
      ],
    });
    expect(resolveProfile(profile, target)).toMatchObject({
      defaultErrnoRet: 38,
      syscalls: [
        { names: ["read"], action: "SCMP_ACT_ALLOW" },
        { names: ["write"], errnoRet: 13 },
        { names: ["socket"], errnoRet: 22, args: [{ index: 0, value: 16, op: "SCMP_CMP_EQ" }] },
      ],
    });
  });

  it.each([
    [{ includes: { caps: ["CAP_KILL"] } }, true],
    [{ includes: { caps: ["CAP_KILL", "CAP_BPF"] } }, false],
    [{ excludes: { caps: ["CAP_KILL"] } }, false],
    [{ includes: { arches: ["arm64"] } }, false],
    [{ includes: { arches: ["amd64", "arm64"] } }, true],
    [{ excludes: { arches: ["amd64"] } }, false],
    [{ includes: { minKernel: "4.8" } }, true],
    [{ includes: { minKernel: "5.10" } }, false],
    [{ excludes: { minKernel: "4.8" } }, false],
  ])("keeps a rule with %j: %s", (conditions, isKept) => {
    const profile = parse({ defaultAction: "SCMP_ACT_LOG", syscalls: [rule(conditions)] });
    expect(resolveProfile(profile, target).syscalls).toHaveLength(isKept ? 1 : 0);
  });

  it("keeps the architectures that a profile names", () => {
    const profile = parse({ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86"] });
    expect(resolveProfile(profile, target).architectures).toEqual(["SCMP_ARCH_X86"]);
  });

  it.each([
    [{}, "defaultAction"],
    [{ defaultAction: "SCMP_ACT_TRACE" }, "no action that tsman has"],
    [{ defaultAction: "toString" }, "no action"],
    [{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule({ names: ["a\nrule"] })] }, "names"],
    [{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule({ names: ["a b"] })] }, "names"],
    [{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule({ errno: "EWHAT" })] }, "EWHAT"],
    [{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule({ errnoRet: 5000 })] }, "errnoRet"],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [rule({ args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] })],
      },
      "index",
    ],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [rule({ args: [{ index: 0, value: 2 ** 64, op: "SCMP_CMP_EQ" }] })],
      },
      "value",
    ],
  ])("refuses %j, naming %s", (document, what) => {
    expect(() => parse(document)).toThrow(what);
  });

  it("says which file is not JSON or cannot be read", () => {
    expect(() => parseSeccompProfile("{", "mine.json")).toThrow("read seccomp profile mine.json");
    expect(() => readSeccompProfile("/nonexistent/p.json")).toThrow("ENOENT");
  });
});
