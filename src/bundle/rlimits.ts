import type { UlimitRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { type Rlimit, type RlimitName, rlimitNumbers } from "../oci/runtime-spec.ts";

/** containers.conf(5), `default_ulimits`, as Podman compiles them in. */
const defaultNofile = 1_048_576;
const defaultNproc = 4_194_304;
const infinity = -1;

/** A limit and where it comes from. */
export interface ResolvedRlimit extends Rlimit {
  readonly because: string;
}

/** The caller's hard limits, which no unprivileged process can raise; infinity as -1. */
export interface CallerLimits {
  readonly nofileLimit: number;
  readonly nprocLimit: number;
}

/**
 * The container's resource limits: `--ulimit`, and for nofile and nproc as much as Podman gives,
 * up to what the caller has.
 *
 * @throws TsmanError USAGE on an unknown name, a soft limit above the hard one, or a name twice
 */
export function resolveRlimits(
  requests: readonly UlimitRequest[],
  caller: CallerLimits,
): ResolvedRlimit[] {
  const limits = new Map<RlimitName, ResolvedRlimit>();
  for (const [type, wanted, available] of [
    ["RLIMIT_NOFILE", defaultNofile, caller.nofileLimit],
    ["RLIMIT_NPROC", defaultNproc, caller.nprocLimit],
  ] as const) {
    const value = available === infinity ? wanted : Math.min(wanted, available);
    limits.set(type, { type, soft: value, hard: value, because: "default" });
  }
  const seen = new Set<RlimitName>();
  for (const request of requests) {
    const type = rlimitName(request.name);
    if (seen.has(type)) {
      throw new TsmanError("USAGE", `use --ulimit ${request.name}: given twice`);
    }
    seen.add(type);
    const { soft, hard } = request;
    for (const value of [soft, hard]) {
      if (!Number.isSafeInteger(value) || value < infinity) {
        throw new TsmanError("USAGE", `use --ulimit ${request.name}=${value}: not a limit`, {
          hint: "write a number, or -1 for unlimited",
        });
      }
    }
    if (hard !== infinity && (soft === infinity || soft > hard)) {
      throw new TsmanError(
        "USAGE",
        `use --ulimit ${request.name}=${soft}:${hard}: the soft limit exceeds the hard limit`,
      );
    }
    limits.set(type, { type, soft, hard, because: `--ulimit ${request.name}` });
  }
  return [...limits.values()];
}

function rlimitName(name: string): RlimitName {
  const upper = name.toUpperCase();
  const full = upper.startsWith("RLIMIT_") ? upper : `RLIMIT_${upper}`;
  if (Object.hasOwn(rlimitNumbers, full)) return full as RlimitName;
  throw new TsmanError("USAGE", `use --ulimit ${JSON.stringify(name)}: no such limit`, {
    hint: `use one of ${Object.keys(rlimitNumbers)
      .map((known) => known.slice("RLIMIT_".length).toLowerCase())
      .join(", ")}`,
  });
}
