import {
  capabilityNames,
  mountFlagNames,
  propagationTypes,
  runtimeSpecVersion,
} from "./runtime-spec.ts";

/** crun(1): "1" for a program that keeps the groups of who makes the container. */
export const keepGroupsAnnotation = "run.oci.keep_original_groups";

/** runtime-spec/features.md and features-linux.md: what this runtime knows, whatever the host has. */
export function runtimeFeatures() {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: runtimeSpecVersion,
    hooks: [
      "prestart",
      "createRuntime",
      "createContainer",
      "startContainer",
      "poststart",
      "poststop",
    ],
    mountOptions: [...mountFlagNames, ...propagationTypes].toSorted(),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      capabilities: [...capabilityNames],
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions: seccompActions,
        operators: seccompOperators,
        archs: seccompArchitectures,
        knownFlags: seccompFlagNames,
        supportedFlags: seccompFlagNames,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
    },
    potentiallyUnsafeConfigAnnotations: [keepGroupsAnnotation],
  };
}

/** linux.seccomp.syscalls[].action */
export const seccompActions = [
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_TRAP",
] as const;

/** linux.seccomp.syscalls[].args[].op */
export const seccompOperators = [
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_LE",
  "SCMP_CMP_LT",
  "SCMP_CMP_MASKED_EQ",
  "SCMP_CMP_NE",
] as const;

/** linux.seccomp.flags */
export const seccompFlagNames = [
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
] as const;

/** linux.seccomp.architectures, as libseccomp knows them. */
export const seccompArchitectures = [
  "AARCH64",
  "ARM",
  "LOONGARCH64",
  "M68K",
  "MIPS",
  "MIPS64",
  "MIPS64N32",
  "MIPSEL",
  "MIPSEL64",
  "MIPSEL64N32",
  "PARISC",
  "PARISC64",
  "PPC",
  "PPC64",
  "PPC64LE",
  "RISCV64",
  "S390",
  "S390X",
  "SH",
  "SHEB",
  "X32",
  "X86",
  "X86_64",
].map((name) => `SCMP_ARCH_${name}`);
