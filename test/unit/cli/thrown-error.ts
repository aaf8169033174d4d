import { isTsmanError, type TsmanError } from "../../../src/errors/index.ts";

/** The TsmanError that a function throws; fails for any other one, and for none. */
export function thrownError(action: () => unknown): TsmanError {
  try {
    action();
  } catch (error) {
    if (isTsmanError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** The TsmanError that a promise rejects with. */
export async function rejectedError(promise: Promise<unknown>): Promise<TsmanError> {
  const error: unknown = await promise.then(
    () => new Error("the promise was fulfilled"),
    (reason: unknown) => reason,
  );
  if (isTsmanError(error)) return error;
  throw error;
}
