import { readFileSync } from "node:fs";
import type { ProcessIdentity } from "../../container/liveness.ts";
import { endOrphan } from "../../container/orphan.ts";
import { TsmanError } from "../../errors/index.ts";
import { capabilityMask } from "../../oci/runtime-spec.ts";
import type { OciRecord } from "./oci-record.ts";

/** What a container's program cannot undo, as it was asked for. */
export interface Walls {
  /** All capabilities that it may ever have: a mask, in hexadecimal. */
  readonly bounding: string;
  readonly noNewPrivileges: boolean;
  readonly hasFilter: boolean;
}

/** The walls that a configuration asks for. */
export function wallsOf(
  bounding: readonly string[],
  noNewPrivileges: boolean,
  hasFilter: boolean,
): Walls {
  return { bounding: capabilityMask(bounding), noNewPrivileges, hasFilter };
}

/** How many system call filters a process has; undefined: the kernel does not say (Linux 5.9). */
export function countFilters({ pid }: ProcessIdentity): number | undefined {
  const text = statusOf(pid) ?? "";
  const found = /^Seccomp_filters:\s*(\d+)$/m.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/**
 * Reads back what a started program has of its walls (case S33), as native/verify.h does where a
 * monitor stays; ends it where one is missing.
 *
 * @param before {@link countFilters} of its first process while that waited.
 * @throws TsmanError RUNTIME_FAILED
 */
export function verifyStart(
  { id, walls }: Pick<OciRecord, "id" | "walls">,
  init: ProcessIdentity,
  before: number | undefined,
): void {
  const text = statusOf(init.pid);
  if (text === undefined) return;
  const missing = missingWall(walls, text, before, countFilters(init));
  // What ends loses some of it.
  if (missing === undefined || statusOf(init.pid) === undefined) return;
  endOrphan(init);
  throw new TsmanError("RUNTIME_FAILED", `start container ${id}: verify ${missing}`, {
    hint: "the kernel, or a system call filter that tsman was started with, ignores what it is told: tsman doctor",
    details: { id },
  });
}

function missingWall(
  { bounding, noNewPrivileges, hasFilter }: Walls,
  text: string,
  before: number | undefined,
  after: number | undefined,
): string | undefined {
  const most = BigInt(`0x${bounding}`);
  for (const [, name, value] of text.matchAll(/^(Cap(?:Inh|Prm|Eff|Bnd|Amb)):\s*([0-9a-f]+)$/gm)) {
    if ((BigInt(`0x${value}`) & ~most) !== 0n) {
      return `capabilities: the program has more than it may: ${name}: ${value} of ${bounding}`;
    }
  }
  if (noNewPrivileges && !/^NoNewPrivs:\s*1$/m.test(text)) {
    return "no_new_privs: the program can gain privileges";
  }
  const isFiltered = before === undefined || after === undefined || after > before;
  return hasFilter && !isFiltered ? "system call filter: the program runs without it" : undefined;
}

/** proc_pid_status(5); undefined of a process that has ended. */
function statusOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "latin1");
    return /^State:\s*[ZX]/m.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
