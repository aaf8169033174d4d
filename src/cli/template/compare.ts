import { templateError } from "./failure.ts";
import { shortened } from "./values.ts";

/**
 * Go's `eq`: whether the first is equal to one of the others.
 *
 * @throws TsmanError USAGE for what cannot be compared: a text with a number, a list.
 */
export function isEqualToAny(name: string, first: unknown, others: readonly unknown[]): boolean {
  return others.some((other) => isEqual(name, first, other));
}

/**
 * Go's `lt`.
 *
 * @throws TsmanError USAGE
 */
export function isLess(name: string, a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") return a < b;
  // Go compares bytes; UTF-8 keeps the order of code points.
  if (typeof a === "string" && typeof b === "string") {
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  }
  throw incomparable(name, a, b);
}

function isEqual(name: string, a: unknown, b: unknown): boolean {
  // What is not there is equal to nil alone.
  const isNothing = a === undefined || a === null;
  const isOtherNothing = b === undefined || b === null;
  if (isNothing || isOtherNothing) return isNothing && isOtherNothing;
  if (typeof a === "object" || typeof a !== typeof b) throw incomparable(name, a, b);
  return a === b;
}

function incomparable(name: string, a: unknown, b: unknown): Error {
  return templateError(`${name} cannot compare ${shortened(a)} with ${shortened(b)}`);
}
