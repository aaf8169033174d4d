import type { CheckFinding, CheckOptions } from "../check-types.ts";
import type { EngineContext } from "../context.ts";

/** A finding, and what can be done about it. */
export interface Fault extends Pick<CheckFinding, "kind" | "subject" | "problem"> {
  /**
   * Puts it right.
   *
   * @returns what was done, for people: "removed".
   * @throws why that is not possible.
   */
  readonly mend?: (() => Promise<string>) | undefined;
}

/** Looks for faults of one kind. */
export type Examination = (
  context: EngineContext,
  options: CheckOptions,
) => Iterable<Fault> | AsyncIterable<Fault>;

/** Milliseconds after which content that no image needs counts as left over. */
export function maxAgeOf({ maxAge = 24 * 60 * 60 * 1000 }: CheckOptions): number {
  return maxAge;
}
