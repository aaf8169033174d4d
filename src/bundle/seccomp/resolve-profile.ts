import type { LinuxSeccomp, SeccompRule } from "../../oci/runtime-spec.ts";
import type { ConditionalRule, SeccompProfile } from "../bundle.ts";

/** The container that a profile is resolved for. */
export interface SeccompTarget {
  /** The bounding set, with `CAP_`. */
  readonly capabilities: readonly string[];
  /** GOARCH. */
  readonly architecture: string;
  /** `uname -r`, e.g. `6.1.0-18-amd64`. */
  readonly kernelRelease: string;
}

/** Native first, then the ABIs that the same kernel runs: a filter without them would let all pass. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  amd64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  "386": ["SCMP_ARCH_X86"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  arm: ["SCMP_ARCH_ARM"],
  ppc64le: ["SCMP_ARCH_PPC64LE"],
  riscv64: ["SCMP_ARCH_RISCV64"],
  s390x: ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
  loong64: ["SCMP_ARCH_LOONGARCH64"],
};

/** The rules of a profile that hold for one container, as the OCI configuration has them. */
export function resolveProfile(profile: SeccompProfile, target: SeccompTarget): LinuxSeccomp {
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architecturesOf(profile, target),
    ...(profile.flags === undefined ? {} : { flags: profile.flags }),
    ...(profile.listenerPath === undefined ? {} : { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata === undefined
      ? {}
      : { listenerMetadata: profile.listenerMetadata }),
    syscalls: profile.rules.filter((rule) => applies(rule, target)).map(withoutConditions),
  };
}

function architecturesOf(profile: SeccompProfile, target: SeccompTarget): readonly string[] {
  const own = architectures[target.architecture] ?? [];
  if (profile.families === undefined) return profile.architectures ?? own;
  const family = profile.families.find(({ architecture }) => architecture === own[0]);
  if (family !== undefined) return [family.architecture, ...family.subArchitectures];
  // A map that has nothing for this machine means its native system calls only.
  return own.slice(0, 1);
}

function applies(rule: ConditionalRule, target: SeccompTarget): boolean {
  const has = (name: string): boolean => target.capabilities.includes(name);
  return (
    (rule.withCapabilities ?? []).every(has) &&
    !(rule.withoutCapabilities ?? []).some(has) &&
    (rule.onlyArchitectures?.includes(target.architecture) ?? true) &&
    !(rule.exceptArchitectures?.includes(target.architecture) ?? false) &&
    (rule.minKernel === undefined || compareVersions(target.kernelRelease, rule.minKernel) >= 0) &&
    (rule.beforeKernel === undefined ||
      compareVersions(target.kernelRelease, rule.beforeKernel) < 0)
  );
}

function withoutConditions(rule: ConditionalRule): SeccompRule {
  return {
    names: rule.names,
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args === undefined ? {} : { args: rule.args }),
  };
}

/** Compares `major.minor` at the beginning of two kernel versions. */
function compareVersions(a: string, b: string): number {
  const parse = (text: string): number => {
    const match = /^(\d{1,4})(?:\.(\d{1,4}))?/.exec(text);
    return Number(match?.[1] ?? 0) * 10_000 + Number(match?.[2] ?? 0);
  };
  return parse(a) - parse(b);
}
