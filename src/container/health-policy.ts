import { TsmanError } from "../errors/index.ts";
import type { Healthcheck } from "../oci/image-config.ts";

/** `--health-on-failure`: what is done with a container that became unhealthy. */
export type HealthAction = "none" | "kill" | "restart" | "stop";

/** `--health-startup-*`: the check that comes before the other one. */
export interface StartupCheckOptions {
  /** As of {@link HealthOptions}. */
  readonly test: readonly string[];
  readonly intervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** Failures in a row until the container is restarted; 0: never. */
  readonly retries?: number | undefined;
  /** Successes in a row that it takes; 0 and 1 are the same. */
  readonly successes?: number | undefined;
}

/** `--health-*` and `--no-healthcheck`; what is missing is the image's. */
export interface HealthOptions {
  /** `["CMD", …]`, `["CMD-SHELL", text]`, or `["NONE"]`. */
  readonly test?: readonly string[] | undefined;
  /** 0: only `tsman healthcheck run` runs it. */
  readonly intervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly startPeriodMs?: number | undefined;
  readonly startIntervalMs?: number | undefined;
  readonly retries?: number | undefined;
  readonly onFailure?: HealthAction | undefined;
  readonly startup?: StartupCheckOptions | undefined;
}

/** A check, with everything decided. */
export interface CheckPolicy {
  /** As asked for. */
  readonly test: readonly string[];
  /** What is executed. */
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
}

/** How a container's health is checked. */
export interface HealthPolicy extends CheckPolicy {
  readonly startPeriodMs: number;
  /** Interval within the start period; 0: the usual one. */
  readonly startIntervalMs: number;
  readonly onFailure: HealthAction;
  readonly startup?: (CheckPolicy & { readonly successes: number }) | undefined;
}

/** Docker's and Podman's. */
const defaults = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3 } as const;

/** What of an image concerns its health. */
export interface ImageHealth {
  readonly healthcheck?: Healthcheck | undefined;
  readonly shell?: readonly string[] | undefined;
}

/**
 * The checks of a container: the options, else the image's, else the defaults.
 *
 * @returns undefined: there are none.
 * @throws TsmanError USAGE when options say how to check, but nobody says what.
 */
export function healthPolicy(
  options: HealthOptions | undefined,
  image: ImageHealth | undefined,
): HealthPolicy | undefined {
  const inherited = image?.healthcheck;
  const test = options?.test ?? inherited?.test ?? [];
  const shell = image?.shell ?? ["/bin/sh", "-c"];
  if (test[0] === "NONE") return undefined;
  if (test.length === 0) {
    if (options === undefined || Object.keys(options).length === 0) return undefined;
    throw new TsmanError(
      "USAGE",
      "check the container's health: neither --health-cmd nor the image says how",
      { hint: "add --health-cmd COMMAND, or leave the other --health options out" },
    );
  }
  const startup = options?.startup;
  return {
    test,
    command: commandOf(test, shell),
    intervalMs: options?.intervalMs ?? positive(inherited?.interval) ?? defaults.intervalMs,
    timeoutMs: options?.timeoutMs ?? positive(inherited?.timeout) ?? defaults.timeoutMs,
    retries: options?.retries ?? (inherited?.retries || defaults.retries),
    startPeriodMs: options?.startPeriodMs ?? positive(inherited?.startPeriod) ?? 0,
    startIntervalMs: options?.startIntervalMs ?? positive(inherited?.startInterval) ?? 0,
    onFailure: options?.onFailure ?? "none",
    startup: startup && {
      test: startup.test,
      command: commandOf(startup.test, shell),
      intervalMs: startup.intervalMs ?? defaults.intervalMs,
      timeoutMs: startup.timeoutMs ?? defaults.timeoutMs,
      retries: startup.retries ?? 0,
      successes: startup.successes ?? 0,
    },
  };
}

/** Whether a container with this policy may be restarted by a check. */
export function mayRestart(policy: HealthPolicy | undefined): boolean {
  return policy?.onFailure === "restart" || (policy?.startup?.retries ?? 0) > 0;
}

/** An image's nanoseconds as milliseconds; 0 means that it does not say. */
function positive(nanoseconds: number | undefined): number | undefined {
  if (nanoseconds === undefined || nanoseconds <= 0) return undefined;
  return Math.min(Math.max(1, Math.round(nanoseconds / 1e6)), 0xffff_ffff);
}

function commandOf(test: readonly string[], shell: readonly string[]): readonly string[] {
  const [kind, ...words] = test;
  if (kind === "CMD-SHELL") return [...shell, words.join(" ")];
  return kind === "CMD" ? words : test;
}
