import type { ErrorCode } from "./codes.ts";
import { exitStatusOf } from "./codes.ts";

/** Structured facts about a failure: ids, paths, digests, numbers.  Never secrets. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What {@link TsmanError} takes besides code and message. */
export interface TsmanErrorOptions {
  /** The remedy, as an imperative sentence the user can follow. */
  readonly hint?: string | undefined;
  /** What led to it. */
  readonly cause?: unknown;
  /** Facts for machines. */
  readonly details?: ErrorDetails | undefined;
}

/**
 * The one error type that leaves any part of tsman.
 *
 * The message is lower case, verb + object + why here:
 * `unpack layer sha256:ab…: entry etc/passwd: link target escapes the rootfs`.
 */
export class TsmanError extends Error {
  override readonly name = "TsmanError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: TsmanErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  /** Exit status of the command line for this error. */
  get exitStatus(): number {
    return exitStatusOf(this.code);
  }

  /** The same failure seen from one level up: `context: message`; code, hint and details stay. */
  within(context: string): TsmanError {
    return new TsmanError(this.code, `${context}: ${this.message}`, {
      hint: this.hint,
      cause: this.cause ?? this,
      details: this.details,
    });
  }
}

/** Whether `error` is a {@link TsmanError}, optionally with this code. */
export function isTsmanError(error: unknown, code?: ErrorCode): error is TsmanError {
  return error instanceof TsmanError && (code === undefined || error.code === code);
}

/**
 * Any thrown value as a {@link TsmanError}; an unknown one becomes INTERNAL with its cause.
 *
 * @param convert how a single failure becomes one, where there is more to know about it.
 */
export function toTsmanError(
  error: unknown,
  context: string,
  convert: (one: unknown) => TsmanError = (one) => unknownError(one, context),
): TsmanError {
  if (error instanceof TsmanError) return error;
  const [first, ...later] = failuresOf(error);
  const told = first instanceof TsmanError ? first : convert(first);
  if (first === error) return told;
  const also = new Set(later.map(messageOf));
  also.delete(messageOf(first));
  const message = [told.message, ...[...also].map((text) => `and then: ${text}`)].join("; ");
  return new TsmanError(told.code, message, {
    hint: told.hint,
    details: told.details,
    cause: error,
  });
}

/**
 * What failed, in the order in which it did, where JavaScript makes one error of several: what
 * `using` throws when a disposal fails too has the reason for the disposal as `suppressed`.
 */
export function failuresOf(error: unknown): readonly unknown[] {
  if (error instanceof SuppressedError) {
    return [...failuresOf(error.suppressed), ...failuresOf(error.error)];
  }
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap(failuresOf);
  }
  return [error];
}

function unknownError(error: unknown, context: string): TsmanError {
  return new TsmanError("INTERNAL", `${context}: ${messageOf(error)}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
