import { isTsmanError, TsmanError } from "../../errors/index.ts";

/**
 * Does something that a signal may interrupt; what was begun goes on if it cannot be.
 *
 * @param what verb and object, for the message.
 * @throws TsmanError INTERRUPTED, whatever reason the signal was given; else what `work` throws.
 */
export async function interruptible<T>(
  signal: AbortSignal | undefined,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return await work();
  if (signal.aborted) throw interrupted(what, signal);
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(interrupted(what, signal));
  signal.addEventListener("abort", abort, { once: true });
  const working = work();
  // It may fail for the same reason after we have stopped listening.
  working.catch(() => undefined);
  try {
    return await Promise.race([working, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Does something that looks at its signal by itself, and undoes what it has begun.
 *
 * @param signal asked for when it is needed, which is seldom: some callers make theirs only then.
 * @throws TsmanError INTERRUPTED for whatever the signal has caused; else what `work` throws.
 */
export async function abortable<T>(
  signal: () => AbortSignal | undefined,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asInterrupted(error, signal(), what);
  }
}

/** What is given one after the other, by something that looks at its signal by itself. */
export async function* interruptibleStream<T>(
  signal: AbortSignal | undefined,
  what: string,
  stream: AsyncIterable<T>,
): AsyncGenerator<T> {
  if (signal?.aborted === true) throw interrupted(what, signal);
  try {
    yield* stream;
  } catch (error) {
    throw asInterrupted(error, signal, what);
  }
}

/**
 * An error that was caused by the signal, as INTERRUPTED; any other as it is, without what went wrong
 * after it.
 */
export function asInterrupted(
  error: unknown,
  signal: AbortSignal | undefined,
  what: string,
): unknown {
  if (error instanceof SuppressedError) return asInterrupted(error.suppressed, signal, what);
  if (signal?.aborted !== true || isTsmanError(error)) return error;
  return interrupted(what, signal);
}

/** Why something did not come to its end. */
export function interrupted(what: string, signal: AbortSignal): TsmanError {
  const { reason } = signal as { readonly reason: unknown };
  if (isTsmanError(reason)) return reason;
  return new TsmanError("INTERRUPTED", `${what}: interrupted`, { cause: reason });
}
