/** `--restart`: what happens when the program of a container ends by itself. */
export interface RestartPolicy {
  readonly policy: "no" | "on-failure" | "always" | "unless-stopped";
  /** Of `on-failure:N`; missing: without end. */
  readonly maxRetries?: number | undefined;
}

/** How a container is doing that its policy decides about. */
export interface EndedLife {
  /** Missing: nobody knows, which is no success. */
  readonly exitCode: number | undefined;
  /** How often the policy has started it already. */
  readonly restarts: number;
  readonly stoppedByUser: boolean;
}

/** A life from which on the back-off begins anew, in milliseconds; Docker's. */
export const longLifeMs = 10_000;
const firstDelayMs = 100;
const longestDelayMs = 60_000;

/**
 * Milliseconds before a restart: Docker's, doubled each time up to a minute.
 *
 * @param streak how many restarts in a row have led to short lives.
 */
export function restartDelay(streak: number): number {
  return Math.min(firstDelayMs * 2 ** Math.min(streak, 20), longestDelayMs);
}

/** Whether a container that has ended is to be started again. */
export function shouldRestart(policy: RestartPolicy | undefined, life: EndedLife): boolean {
  if (life.stoppedByUser) return false;
  switch (policy?.policy) {
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return life.exitCode !== 0 && life.restarts < (policy.maxRetries ?? Number.POSITIVE_INFINITY);
    default:
      return false;
  }
}

/** Whether anything is to be decided when the container ends. */
export function hasRestartPolicy(policy: RestartPolicy | undefined): boolean {
  return policy !== undefined && policy.policy !== "no";
}

/** Whether a container is to be up after a reboot of the machine: Docker's rule. */
export function startsWithMachine(
  policy: RestartPolicy | undefined,
  stoppedByUser: boolean,
): boolean {
  return policy?.policy === "always" || (policy?.policy === "unless-stopped" && !stoppedByUser);
}
