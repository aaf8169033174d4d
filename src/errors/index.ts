export { type ErrorCode, errorCodes } from "./codes.ts";
export {
  type ErrorDetails,
  isTsmanError,
  TsmanError,
  type TsmanErrorOptions,
  toTsmanError,
} from "./tsman-error.ts";
