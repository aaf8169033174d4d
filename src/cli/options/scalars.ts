import { isTsmanError } from "../../errors/index.ts";
import { invalidValue } from "../usage-error.ts";

/** A whole number in bounds, as an option's parser. */
export function integer(min: number, max: number, what = "a whole number") {
  return (text: string, option: string): number => {
    const value = Number(text);
    if (/^[+-]?\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    throw invalidValue(
      option,
      text,
      `not ${what} from ${min} to ${max}`,
      `give ${what} from ${min} to ${max}`,
    );
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]) {
  return (text: string, option: string): T => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw invalidValue(option, text, "not one of its words", `use one of: ${words.join(", ")}`);
  };
}

/** Go's strconv.ParseBool, for the values inside an option: `ro=true`. */
export function truthOf(text: string, option: string, key: string): boolean {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw invalidValue(
    option,
    `${key}=${text}`,
    "neither true nor false",
    `write ${key}=true or ${key}=false`,
  );
}

/** Permission bits in octal, such as `0022`. */
export function octalMode(text: string, option: string): number {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw invalidValue(
    option,
    text,
    "not an octal number of up to four digits",
    "write it like 0022 or 1777",
  );
}

/** Runs a parser of a lower layer; what it throws then names the option. */
export function naming<T>(parse: (text: string) => T) {
  return (text: string, option: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw isTsmanError(error) ? error.within(`parse ${option}`) : error;
    }
  };
}
