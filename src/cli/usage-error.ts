import { TsmanError } from "../errors/index.ts";

/** A USAGE error with its remedy. */
export function usageError(message: string, hint: string): TsmanError {
  return new TsmanError("USAGE", message, { hint });
}

/**
 * The refusal of an option's value: names option, value, why, and what would be right.
 *
 * @param option as the user knows it: `--publish`.
 */
export function invalidValue(
  option: string,
  value: string,
  why: string,
  right: string,
): TsmanError {
  return new TsmanError("USAGE", `parse ${option} ${JSON.stringify(value)}: ${why}`, {
    hint: right,
    details: { option, value },
  });
}

/** The refusal of something that exists elsewhere and not here. */
export function unsupported(option: string, reason: string, hint: string): TsmanError {
  return new TsmanError("OPTION_UNSUPPORTED", `${option} is not supported: ${reason}`, {
    hint,
    details: { option },
  });
}
