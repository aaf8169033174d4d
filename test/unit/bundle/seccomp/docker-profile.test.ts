import { describe, expect, it } from "vitest";
import {
  parseSeccompProfile,
  readSeccompProfile,
} from "../../../../src/bundle/seccomp/docker-profile.ts";
import { resolveProfile } from "../../../../src/bundle/seccomp/resolve-profile.ts";

const parse = (document: unknown) => parseSeccompProfile(JSON.stringify(document), "p.json");
const target = { capabilities: ["CAP_KILL"], architecture: "amd64", kernelRelease: "5.4.0-x" };

const rule = (rest: object) => ({ names: ["read"], action: "SCMP_ACT_ALLOW", ...rest });

const allowing = (...syscalls: readonly object[]) => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls,
});
const family = { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] };

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

  it("takes the architectures that belong to this machine's", () => {
    const arm = { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] };
    const architectures = (archMap: readonly object[]) =>
      resolveProfile(parse({ defaultAction: "SCMP_ACT_ALLOW", archMap }), target).architectures;
    expect(architectures([arm, family])).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    expect(architectures([arm])).toEqual(["SCMP_ARCH_X86_64"]);
  });

  it("keeps flags and who is asked", () => {
    const asking = {
      flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
      listenerPath: "/run/x",
      listenerMetadata: "m",
    };
    const notify = rule({ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" });
    const profile = parse({ ...allowing(notify), ...asking });
    expect(resolveProfile(profile, target)).toMatchObject(asking);
  });

  it("keeps the architectures that a profile names", () => {
    const profile = parse({ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86"] });
    expect(resolveProfile(profile, target).architectures).toEqual(["SCMP_ARCH_X86"]);
  });

  it.each([
    [{}, "defaultAction"],
    [[], "the document"],
    [{ defaultAction: "SCMP_ACT_NOTIFY" }, "/defaultAction: SCMP_ACT_NOTIFY is for single"],
    [{ defaultAction: "toString" }, '/defaultAction: "toString" is no action that tsman has'],
    [allowing(rule({ names: ["a\nrule"] })), "/syscalls/0/names/0: should be the name"],
    [allowing(rule({ names: ["a b"] })), "/syscalls/0/names/0"],
    [allowing(rule({ name: "write" })), "/syscalls/0/name: there is /syscalls/0/names too"],
    [allowing(rule({}), rule({ errno: "EWHAT" })), '/syscalls/1/errno: "EWHAT" is unknown'],
    [allowing(rule({ errnoRet: 5000 })), "/syscalls/0/errnoRet: should be an error number"],
    [allowing(rule({ nmaes: [] })), "/syscalls/0/nmaes: tsman does not know this member"],
    [{ ...allowing(), includes: {} }, "/includes: tsman does not know this member"],
    [
      allowing(rule({ includes: { minKernal: "4.8" } })),
      "/syscalls/0/includes/minKernal: tsman does not know",
    ],
    [
      allowing(rule({ excludes: { minKernel: "new" } })),
      '/syscalls/0/excludes/minKernel: should be a kernel version such as "4.8"',
    ],
    [
      { ...allowing(), architectures: ["SCMP_ARCH_ARM"], archMap: [family] },
      "/archMap: there is /architectures too",
    ],
    [{ ...allowing(), flags: ["SECCOMP_FILTER_FLAG_X"] }, "/flags/0: "],
    [
      { ...allowing(), flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] },
      "/flags: WAIT_KILLABLE_RECV is for",
    ],
    [{ ...allowing(), listenerPath: "run/x" }, "/listenerPath: should be an absolute path"],
    [
      allowing(rule({ action: "SCMP_ACT_NOTIFY" })),
      "/syscalls/0/action: SCMP_ACT_NOTIFY needs a listenerPath",
    ],
    [
      {
        ...allowing(rule({ names: ["read", "sendmsg"], action: "SCMP_ACT_NOTIFY" })),
        listenerPath: "/run/x",
      },
      "/syscalls/0/names: sendmsg is needed to reach the listener",
    ],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [rule({ args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] })],
      },
      "/syscalls/0/args/0/index: should be the number of an argument",
    ],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [rule({ args: [{ index: 0, value: 2 ** 64, op: "SCMP_CMP_EQ" }] })],
      },
      "/syscalls/0/args/0/value: should be a whole number from 0 to 2^53 - 1",
    ],
  ])("refuses %j, naming %s", (document, what) => {
    expect(() => parse(document)).toThrow(what);
  });

  it("says which file is not JSON or cannot be read", () => {
    expect(() => parseSeccompProfile("{", "mine.json")).toThrow("read seccomp profile mine.json");
    expect(() => readSeccompProfile("/nonexistent/p.json")).toThrow("ENOENT");
  });
});
