import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import type { LinuxSeccomp, SeccompRule } from "../oci/runtime-spec.ts";
import { readCacheFile, writeCacheFile } from "../platform/cache-file.ts";
import { fingerprint } from "../platform/fingerprint.ts";
import { seccompCompiler } from "../platform/native.ts";
import { runProgram } from "../platform/process.ts";

/** sizeof(struct sock_filter) */
const instructionBytes = 8;
/** BPF_MAXINSNS of the kernel. */
const maxInstructions = 4096;
/** Another one for filters that a newer compiler makes better: part of what names their files. */
const generation = 2;

/**
 * The compiled form of a filter: an array of `struct sock_filter`.  Compiled once and kept in the
 * user's cache together with its rules, so a start reads one file.
 *
 * @param cacheDir The user's own cache directory.
 * @throws TsmanError USAGE when the compiler refuses a rule, PREFLIGHT_HELPER when it is missing
 */
export async function compileSeccompFilter(
  seccomp: LinuxSeccomp,
  cacheDir: string,
): Promise<Uint8Array> {
  const rules = textOf(seccomp);
  const directory = path.join(cacheDir, "seccomp");
  const file = path.join(directory, `${fingerprint(outline(seccomp))}.bpf`);
  const cached = readCachedFilter(file, rules);
  if (cached !== undefined) return cached;
  const result = await runProgram(seccompCompiler(), [], { input: formatFilterSource(seccomp) });
  const program = result.stdout;
  if (result.status !== 0 || !isFilterProgram(program)) {
    const said = result.stderr.toString("utf8").trim().slice(0, 1024);
    const instructions = program.byteLength / instructionBytes;
    const why =
      said === "" && instructions > maxInstructions
        ? `it takes ${instructions} instructions, and the kernel at most ${maxInstructions}`
        : said;
    throw new TsmanError(
      "USAGE",
      `compile system call filter: ${why === "" ? `the compiler ended with ${result.status ?? result.signal}` : why}`,
      { hint: "check the profile given with --security-opt seccomp=FILE" },
    );
  }
  writeCacheFile(file, Buffer.concat([Buffer.from(`${rules}\0`), program]));
  return program;
}

/** All that a filter is compiled of: to write it as the compiler's source takes ten times as long. */
function textOf({ defaultAction, defaultErrnoRet, architectures, syscalls }: LinuxSeccomp): string {
  return JSON.stringify([defaultAction, defaultErrnoRet, architectures, syscalls]);
}

/**
 * What names a filter's file: the first name of each rule without conditions, and how many others
 * there are.  To hash the whole text would take longer than everything else here, and which filter
 * it is, the rules in the file decide.
 */
function outline(seccomp: LinuxSeccomp): string {
  const { defaultAction, defaultErrnoRet, architectures, syscalls } = seccomp;
  const whole = syscalls.filter(({ args }) => args === undefined);
  return [
    ...[generation, defaultAction, defaultErrnoRet, ...architectures, syscalls.length],
    ...whole.map(({ action, names }) => `${action.slice(9)}${names.length}${names[0]}`),
  ].join(" ");
}

/**
 * The source that dist/libexec/tsman-seccomp reads: lines `default ACTION [errno]`, `arch NAME`,
 * `rule ACTION errno SYSCALL [arg op value [value2]]…`.  A rule that repeats the default says
 * nothing and is refused by libseccomp (seccomp_rule_add(3)), so it is left out.
 */
export function formatFilterSource(seccomp: LinuxSeccomp): string {
  const eperm = 1;
  // A tracer gets the number as its message, seccomp(2).
  const isErrno = (action: string): boolean =>
    action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  const defaultErrno = seccomp.defaultErrnoRet ?? eperm;
  const lines = [
    isErrno(seccomp.defaultAction)
      ? `default ${seccomp.defaultAction} ${defaultErrno}`
      : `default ${seccomp.defaultAction}`,
    ...seccomp.architectures.map((name) => `arch ${name}`),
  ];
  for (const rule of seccomp.syscalls) {
    const errno = isErrno(rule.action) ? (rule.errnoRet ?? eperm) : 0;
    const repeatsDefault =
      rule.action === seccomp.defaultAction && (!isErrno(rule.action) || errno === defaultErrno);
    if (repeatsDefault) continue;
    const before = `rule ${rule.action} ${errno} `;
    if (rule.names.length === 0) continue;
    for (const conditions of alternatives(rule)) {
      lines.push(before + rule.names.join(`${conditions}\n${before}`) + conditions);
    }
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Conditions hold together, but of two on one argument, which libseccomp does not take in one rule
 * (seccomp_rule_add(3)), each holds alone: Docker's profiles mean it so, as runc and crun do it.
 */
function alternatives({ args = [] }: SeccompRule): readonly string[] {
  const conditions = args.map(({ index, op, value, valueTwo }) => {
    const second = op === "SCMP_CMP_MASKED_EQ" ? ` ${valueTwo ?? 0}` : "";
    return ` ${index} ${op} ${value}${second}`;
  });
  const isTwice = new Set(args.map(({ index }) => index)).size < args.length;
  return isTwice ? conditions : [conditions.join("")];
}

/** Whether these bytes can be a filter: whole instructions, as many as the kernel takes. */
export function isFilterProgram(bytes: Uint8Array): boolean {
  const { byteLength } = bytes;
  return (
    byteLength > 0 &&
    byteLength % instructionBytes === 0 &&
    byteLength <= maxInstructions * instructionBytes
  );
}

function readCachedFilter(file: string, rules: string): Uint8Array | undefined {
  const bytes = readCacheFile(file);
  // The name of the file is a short hash, which a profile could be made to share with another.
  const end = bytes?.indexOf(0) ?? -1;
  if (bytes === undefined || end < 0 || bytes.toString("utf8", 0, end) !== rules) return undefined;
  const program = bytes.subarray(end + 1);
  return isFilterProgram(program) ? program : undefined;
}
