// The public API: `import { Tsman } from "tsman"`.
export type { ContainerOptions } from "../container/options.ts";
export { defaultContainerOptions } from "../container/options.ts";
export { type ErrorCode, isTsmanError, TsmanError } from "../errors/index.ts";
export type { CheckStatus, DoctorCheck, DoctorReport } from "./doctor/report.ts";
export type {
  Configuration,
  ConfigurationFiles,
  ExplainedSetting,
} from "./explain-settings.ts";
export type * from "./file-types.ts";
export type * from "./library/types.ts";
export type { PullProgress } from "./progress.ts";
export type * from "./search-types.ts";
export type * from "./transfer-types.ts";
export { Tsman } from "./tsman.ts";
export type * from "./types.ts";
export type { UnshareOptions, UnshareSession } from "./unshare-types.ts";
