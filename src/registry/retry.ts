import { setTimeout as delay } from "node:timers/promises";
import { failureReason, isTransient, RetryableError } from "./failure.ts";
import type { RetryEvent, RetryPolicy } from "./settings.ts";

/** What {@link Retrier} needs to know about its surroundings. */
export interface RetrierOptions {
  /** For progress: a digest, a tag. */
  readonly what: string;
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  readonly onRetry: ((event: RetryEvent) => void) | undefined;
  /** Whether a failure that is not transient in itself is worth a repetition here. */
  readonly isWorthwhile?: (error: unknown) => boolean;
}

/** Counts failures in a row and waits between attempts. */
export class Retrier {
  readonly #options: RetrierOptions;
  #failures = 0;

  constructor(options: RetrierOptions) {
    this.#options = options;
  }

  /** Something got through: patience starts anew. */
  progressed(): void {
    this.#failures = 0;
  }

  /**
   * Waits as long as is due before the next attempt.
   *
   * @throws the failure itself if no further attempt is due; AbortError if the signal fires
   */
  async waitAfter(error: unknown): Promise<void> {
    const { policy, signal, what, onRetry, isWorthwhile } = this.#options;
    signal?.throwIfAborted();
    if (!isTransient(error) && isWorthwhile?.(error) !== true) throw error;
    if (this.#failures >= policy.retries) throw error;
    const asked = error instanceof RetryableError ? error.retryAfterMs : undefined;
    if (asked !== undefined && asked > policy.maxRetryAfterMs) throw error;
    const delayMs = Math.max(asked ?? 0, this.#backOff(policy));
    this.#failures += 1;
    onRetry?.({ what, reason: failureReason(error), delayMs });
    await delay(delayMs, undefined, { signal });
  }

  /** Doubling, with a spread so that several layers do not come back at one instant. */
  #backOff(policy: RetryPolicy): number {
    const full = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** this.#failures);
    return Math.round(full * (0.75 + Math.random() * 0.25));
  }
}

/** Runs `attempt` until it succeeds, fails for good, or patience is at its end. */
export async function retrying<T>(options: RetrierOptions, attempt: () => Promise<T>): Promise<T> {
  const retrier = new Retrier(options);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await retrier.waitAfter(error);
    }
  }
}

/**
 * Milliseconds of a Retry-After header: seconds or a date (RFC 9110, 10.2.3).
 *
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // A date has letters; without that check Date.parse would take "-5" for a year.
  const date = /^[A-Za-z]{3}/.test(text) && text.length < 64 ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
