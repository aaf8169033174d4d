import { readFileSync } from "node:fs";
import os from "node:os";

/** A hole of the kernel by which whoever may make a user namespace becomes root of the host. */
export interface KernelHole {
  readonly cve: string;
  /** What it is in. */
  readonly where: string;
}

interface Known extends KernelHole {
  /** The first version that has it. */
  readonly from: string;
  /** For each branch that was mended the version that it was mended in; the last one for all later. */
  readonly mended: readonly string[];
  /**
   * Of Ubuntu's own patches: versions are those of its packages, `5.19.0-50`, and branches that are
   * not named do not have it, or nobody has said so.
   */
  readonly isUbuntus?: true;
}

// Of kernel.org's branches as https://github.com/nluedtke/linux_kernel_cves has them (April 2024),
// each with the commit of the branch; of Ubuntu's as its security notices say, the generic kernel.
// Only what takes nothing but a user namespace, an overlay or nf_tables in one.
const known: readonly Known[] = [
  {
    // https://ubuntu.com/security/notices/USN-4916-1 and /USN-4917-1
    cve: "CVE-2021-3493",
    where: "overlayfs",
    from: "4.4.0-0",
    mended: ["4.4.0-209", "4.15.0-142", "5.3.0-73", "5.4.0-72", "5.8.0-50"],
    isUbuntus: true,
  },
  {
    cve: "CVE-2022-0185",
    where: "fsconfig(2)",
    from: "5.1.0",
    mended: ["5.4.173", "5.10.93", "5.15.16", "5.16.2"],
  },
  {
    cve: "CVE-2023-0386",
    where: "overlayfs",
    from: "5.11.0",
    mended: ["5.15.91", "6.1.9", "6.2.0"],
  },
  {
    // https://ubuntu.com/security/notices/USN-6250-1 and /USN-6260-1
    cve: "CVE-2023-2640",
    where: "overlayfs",
    from: "5.19.0-0",
    mended: ["5.19.0-50", "6.2.0-26"],
    isUbuntus: true,
  },
  {
    // The same, and https://ubuntu.com/security/notices/USN-6251-1
    cve: "CVE-2023-32629",
    where: "overlayfs",
    from: "5.4.0-0",
    mended: ["5.4.0-155", "5.19.0-50", "6.2.0-26"],
    isUbuntus: true,
  },
  {
    cve: "CVE-2024-1086",
    where: "nf_tables",
    from: "3.15.0",
    mended: ["4.19.307", "5.4.269", "5.10.210", "5.15.149", "6.1.76", "6.6.15", "6.7.3"],
  },
];

/** From here on a package's number is that of a kernel for a cloud or a board, which counts by itself. */
const firstOfOthers = 1000;

/** How a kernel names itself. */
export interface KernelName {
  /** uname(2): `6.1.0-13-amd64`. */
  readonly release: string;
  /** uname(2): Debian says there which version it was made of. */
  readonly version: string;
  /** Ubuntu's /proc/version_signature; "" elsewhere. */
  readonly signature: string;
}

/**
 * The holes that a kernel of that name may have: a distribution may have mended one without another
 * number.  Kernels with numbers of their own (Red Hat's; of Ubuntu's own holes those for clouds) are
 * not judged.  Pure.
 */
export function findKernelHoles(kernel: KernelName): readonly KernelHole[] {
  const { release, version, signature } = kernel;
  const [, packaged] = /^Ubuntu (\d+\.\d+\.\d+-\d+)/.exec(signature) ?? [];
  const upstream =
    packaged === undefined
      ? (/\bDebian (\d+\.\d+\.\d+)/.exec(version)?.[1] ?? release)
      : (signature.split(" ").at(-1) ?? "");
  if (/\.el\d|\.amzn\d/.test(release)) return [];
  return known
    .filter((hole) => {
      const name = hole.isUbuntus ? packaged : upstream;
      return name !== undefined && hasHole(hole, numbersOf(name));
    })
    .map(({ cve, where }) => ({ cve, where }));
}

/** {@link findKernelHoles} of this host's. */
export function kernelHoles(): readonly KernelHole[] {
  let signature = "";
  try {
    signature = readFileSync("/proc/version_signature", "utf8").trim();
  } catch {
    // Not Ubuntu's.
  }
  return findKernelHoles({ release: os.release(), version: os.version(), signature });
}

/** Major, minor, patch, and the number of the package. */
type Numbers = readonly [number, number, number, number];

function numbersOf(name: string): Numbers {
  const [, ...parts] = /^(\d+)\.(\d+)(?:\.(\d+))?(?:-(\d+))?/.exec(name) ?? [];
  const [major = 0, minor = 0, patch = 0, build = 0] = parts.map((part) => Number(part ?? 0));
  return [major, minor, patch, build];
}

function compare(a: Numbers, b: Numbers): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function hasHole({ from, mended, isUbuntus }: Known, kernel: Numbers): boolean {
  if (compare(kernel, numbersOf(from)) < 0) return false;
  if (isUbuntus && kernel[3] >= firstOfOthers) return false;
  const fixes = mended.map(numbersOf);
  const branch = fixes.find(([major, minor]) => major === kernel[0] && minor === kernel[1]);
  if (branch !== undefined) return compare(kernel, branch) < 0;
  if (isUbuntus) return false;
  // Of a branch that was given up, or of one that came afterwards.
  const last = fixes.at(-1);
  return last !== undefined && compare(kernel, last) < 0;
}
