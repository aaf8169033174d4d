export { type ErrorCode, errorCodes } from "./codes.ts";
export {
  type ErrorDetails,
  failuresOf,
  isTsmanError,
  TsmanError,
  type TsmanErrorOptions,
  toTsmanError,
} from "./tsman-error.ts";
