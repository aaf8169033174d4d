import { findDuration } from "../../config/duration.ts";
import type {
  HealthAction,
  HealthOptions,
  StartupCheckOptions,
} from "../../container/health-policy.ts";
import { invalidValue, usageError } from "../usage-error.ts";

const longestMs = 0xffff_ffff;
const rightDuration = "write a duration such as 30s, 1m30s or 500ms";

/** `--health-interval`: a duration, or `disable`, for a check that runs when it is asked for. */
export function parseInterval(text: string, option: string): number {
  return text === "disable" ? 0 : duration(text, option);
}

/** A duration of at least a millisecond. */
export function parseTimeout(text: string, option: string): number {
  const milliseconds = duration(text, option);
  if (milliseconds >= 1) return milliseconds;
  throw invalidValue(option, text, "shorter than a millisecond", rightDuration);
}

/** `--health-start-period`: a duration, which may be 0s. */
export function parsePeriod(text: string, option: string): number {
  return duration(text, option);
}

function duration(text: string, option: string): number {
  // Podman takes seconds without a unit here.
  const milliseconds = findDuration(/^\d{1,9}$/.test(text) ? `${text}s` : text);
  if (milliseconds !== undefined && milliseconds <= longestMs) return Math.round(milliseconds);
  throw invalidValue(option, text, "not a duration", rightDuration);
}

/** `--health-cmd`: a list in JSON, `none`, or the text of a shell. */
export function parseHealthCommand(text: string, option: string): readonly string[] {
  const right = `write a shell command, '["program", "argument"]' or none`;
  if (text === "") throw invalidValue(option, text, "the command is empty", right);
  if (text === "none") return ["NONE"];
  if (!text.startsWith("[")) return ["CMD-SHELL", text];
  const words = jsonTexts(text);
  if (words === undefined || words.length === 0) {
    throw invalidValue(option, text, "not a list of texts in JSON", right);
  }
  const kind = words[0] as string;
  const isMarked = ["CMD", "CMD-SHELL", "NONE"].includes(kind);
  if (isMarked && kind !== "NONE" && words.length === 1) {
    throw invalidValue(option, text, "the command is empty", right);
  }
  return isMarked ? words : ["CMD", ...words];
}

function jsonTexts(text: string): readonly string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    const isTexts = Array.isArray(list) && list.every((one) => typeof one === "string");
    return isTexts ? (list as readonly string[]) : undefined;
  } catch {
    return undefined;
  }
}

/** The values of the `--health-*` options, as parsed. */
export interface HealthValues {
  readonly "health-cmd": readonly string[] | undefined;
  readonly "health-interval": number | undefined;
  readonly "health-on-failure": HealthAction | undefined;
  readonly "health-retries": number | undefined;
  readonly "health-start-interval": number | undefined;
  readonly "health-start-period": number | undefined;
  readonly "health-startup-cmd": readonly string[] | undefined;
  readonly "health-startup-interval": number | undefined;
  readonly "health-startup-retries": number | undefined;
  readonly "health-startup-success": number | undefined;
  readonly "health-startup-timeout": number | undefined;
  readonly "health-timeout": number | undefined;
  readonly "no-healthcheck": boolean;
}

/**
 * The health part of a container's options; undefined when nothing is said.
 *
 * @throws TsmanError USAGE for combinations that cannot be meant.
 */
export function healthOptions(values: HealthValues): HealthOptions | undefined {
  const options = defined<HealthOptions>({
    test: values["health-cmd"],
    intervalMs: values["health-interval"],
    timeoutMs: values["health-timeout"],
    startPeriodMs: values["health-start-period"],
    startIntervalMs: values["health-start-interval"],
    retries: values["health-retries"],
    onFailure: values["health-on-failure"],
    startup: startupOptions(values),
  });
  if (values["no-healthcheck"]) {
    if (options === undefined) return { test: ["NONE"] };
    throw usageError(
      "use --no-healthcheck: other options ask for a check",
      "leave one of them out",
    );
  }
  return options;
}

function startupOptions(values: HealthValues): StartupCheckOptions | undefined {
  const test = values["health-startup-cmd"];
  const rest = defined<Omit<StartupCheckOptions, "test">>({
    intervalMs: values["health-startup-interval"],
    timeoutMs: values["health-startup-timeout"],
    retries: values["health-startup-retries"],
    successes: values["health-startup-success"],
  });
  if (test !== undefined && test[0] !== "NONE") return { test, ...rest };
  if (rest === undefined) return undefined;
  throw usageError(
    "check the container's start: --health-startup-cmd does not say how",
    "add --health-startup-cmd COMMAND, or leave the other --health-startup options out",
  );
}

/** Without the members that are undefined; undefined when none is left. */
function defined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T | undefined {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}
