import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultCapabilities } from "../../../../src/bundle/capabilities.ts";
import { allExcept32 } from "../../../../src/bundle/seccomp/all-except.ts";
import { defaultProfile } from "../../../../src/bundle/seccomp/default-profile.ts";
import { resolveProfile } from "../../../../src/bundle/seccomp/resolve-profile.ts";
import type { LinuxSeccomp } from "../../../../src/oci/runtime-spec.ts";

const resolve = (capabilities: readonly string[] = defaultCapabilities, architecture = "amd64") =>
  resolveProfile(defaultProfile, { capabilities, architecture, kernelRelease: "6.1.0" });

/** What the filter answers: "allow", or an errno; conditions as the kernel would compare them. */
function verdict(filter: LinuxSeccomp, name: string, args: readonly bigint[] = []): string {
  const matching = filter.syscalls.filter(
    (rule) =>
      rule.names.includes(name) &&
      (rule.args ?? []).every((condition) => {
        const actual = args[condition.index] ?? 0n;
        const value = BigInt(condition.value);
        return condition.op === "SCMP_CMP_MASKED_EQ"
          ? (actual & value) === BigInt(condition.valueTwo ?? 0)
          : actual === value;
      }),
  );
  const answers = new Set(
    matching.map((rule) => (rule.action === "SCMP_ACT_ALLOW" ? "allow" : `${rule.errnoRet}`)),
  );
  // libseccomp would have to choose: the profile must never leave it the choice.
  expect([...answers].length, `${name} has one answer`).toBeLessThanOrEqual(1);
  return [...answers][0] ?? `${filter.defaultErrnoRet}`;
}

describe("the default system call filter (S28)", () => {
  const filter = resolve();

  it.each(["read", "openat", "execve", "futex", "clone", "wait4", "ptrace", "statx", "chroot"])(
    "allows %s",
    (name) => {
      expect(verdict(filter, name)).toBe("allow");
    },
  );

  it("answers ENOSYS to what it does not know, and to clone3", () => {
    expect(verdict(filter, "some_new_call")).toBe("38");
    expect(verdict(filter, "clone3")).toBe("38");
  });

  it.each([
    "keyctl",
    "add_key",
    "request_key",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "mount",
    "umount2",
    "unshare",
    "setns",
    "pivot_root",
    "fsopen",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "init_module",
    "kexec_load",
    "reboot",
    "settimeofday",
    "open_by_handle_at",
    "sethostname",
  ])("refuses %s with EPERM", (name) => {
    expect(verdict(filter, name)).toBe("1");
  });

  it("refuses TIOCSTI and TIOCLINUX whatever the high half of the argument is", () => {
    for (const high of [0n, 1n, 0xffff_ffffn]) {
      expect(verdict(filter, "ioctl", [0n, (high << 32n) | 0x5412n])).toBe("1");
      expect(verdict(filter, "ioctl", [0n, (high << 32n) | 0x541cn])).toBe("1");
      expect(verdict(filter, "ioctl", [0n, (high << 32n) | 0x5413n])).toBe("allow");
    }
  });

  it("refuses sockets that reach past the network namespace, others not", () => {
    expect(verdict(filter, "socket", [40n])).toBe("97");
    expect(verdict(filter, "socket", [38n])).toBe("97");
    for (const family of [1n, 2n, 10n, 16n, 17n]) {
      expect(verdict(filter, "socket", [family])).toBe("allow");
    }
  });

  it("lets clone make processes and threads but no namespaces", () => {
    expect(verdict(filter, "clone", [0x3d0f00n])).toBe("allow");
    for (const flag of [0x1000_0000n, 0x0002_0000n, 0x4000_0000n, 0x0200_0000n]) {
      expect(verdict(filter, "clone", [flag | 0x11n])).toBe("1");
    }
  });

  it("opens with the container's capabilities", () => {
    const wide = resolve([...defaultCapabilities, "CAP_SYS_ADMIN"]);
    for (const name of ["mount", "unshare", "setns", "clone", "bpf", "perf_event_open"]) {
      expect(verdict(wide, name, [0x1000_0000n])).toBe("allow");
    }
    expect(verdict(wide, "keyctl")).toBe("1");
    expect(verdict(resolve(["CAP_BPF"]), "bpf")).toBe("allow");
    expect(verdict(resolve(["CAP_BPF"]), "perf_event_open")).toBe("1");
    expect(verdict(resolve([]), "chroot")).toBe("1");
  });

  it("allows only the harmless execution domains", () => {
    expect(verdict(filter, "personality", [0xffff_ffffn])).toBe("allow");
    expect(verdict(filter, "personality", [0x8n])).toBe("allow");
    expect(verdict(filter, "personality", [0x40_0000n])).toBe("38");
  });

  it("covers the ABIs that the same kernel runs besides the native one", () => {
    expect(filter.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    expect(resolve(defaultCapabilities, "arm64").architectures).toContain("SCMP_ARCH_ARM");
  });

  it("looks for clone's flags where s390x has them", () => {
    const s390x = resolve(defaultCapabilities, "s390x");
    expect(verdict(s390x, "clone", [0x1000_0000n, 0n])).toBe("allow");
    expect(verdict(s390x, "clone", [0n, 0x1000_0000n])).toBe("1");
  });
});

describe("allExcept32", () => {
  const number32 = fc.integer({ min: 0, max: 0xffff_ffff });

  it("matches every 32-bit number once, but none of the excluded", () => {
    fc.assert(
      fc.property(fc.array(number32, { maxLength: 4 }), number32, (excluded, probe) => {
        const blocks = allExcept32(excluded);
        const hits = (value: number) =>
          blocks.filter(({ mask, value: wanted }) => (value & mask) >>> 0 === wanted).length;
        return (
          hits(probe) === (excluded.includes(probe) ? 0 : 1) &&
          excluded.every((value) => hits(value) === 0)
        );
      }),
    );
  });

  it("needs one comparison per bit for one number", () => {
    expect(allExcept32([0x5412])).toHaveLength(32);
    expect(allExcept32([])).toEqual([{ mask: 0, value: 0 }]);
  });
});

it("names system calls and nothing else", () => {
  for (const { names } of defaultProfile.rules) {
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(name).toMatch(/^[a-z_][a-z0-9_]+$/);
  }
});
