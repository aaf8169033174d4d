import path from "node:path";
import type { ContainerOptions, LogDriver } from "../../container/options.ts";
import { invalidValue, unsupported, usageError } from "../usage-error.ts";
import { parseSize } from "./size.ts";

const drivers: readonly LogDriver[] = ["k8s-file", "json-file", "journald", "passthrough", "none"];
const rightDriver = `use ${drivers.slice(0, -1).join(", ")} or none`;
const rightOption = "use max-size=SIZE, max-file=N, path=FILE or tag=TEXT";

/** `--log-driver` */
export function parseLogDriver(text: string, option: string): LogDriver {
  const driver = drivers.find((one) => one === text);
  if (driver !== undefined) return driver;
  if (["passthrough-tty", "syslog", "local", "fluentd", "gelf", "splunk"].includes(text)) {
    throw unsupported(
      `${option} ${text}`,
      "logs go to a file, to the journal, or to the caller",
      rightDriver,
    );
  }
  throw invalidValue(option, text, "no such log driver", rightDriver);
}

/** The members of {@link ContainerOptions} that concern the log. */
export type LogOptions = Partial<
  Pick<ContainerOptions, "logDriver" | "logMaxSize" | "logMaxFiles" | "logPath" | "logTag">
>;

/**
 * `--log-driver` and all `--log-opt`, of which the last of a kind counts.
 *
 * @throws TsmanError USAGE for what cannot be meant, such as a path with a driver that has no file.
 */
export function logOptions(
  driver: LogDriver | undefined,
  texts: readonly string[],
  cwd: string,
): LogOptions {
  let options: LogOptions = driver === undefined ? {} : { logDriver: driver };
  for (const text of texts) options = { ...options, ...logOption(text, cwd) };
  const hasFile = driver === undefined || driver === "k8s-file" || driver === "json-file";
  if (options.logPath !== undefined && !hasFile) {
    throw usageError(
      `use --log-opt path=: log driver ${driver} has no file`,
      "leave it out, or use --log-driver k8s-file or json-file",
    );
  }
  return options;
}

function logOption(text: string, cwd: string): LogOptions {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalidValue("--log-opt", text, "not KEY=VALUE", rightOption);
  const key = text.slice(0, equals);
  const value = text.slice(equals + 1);
  switch (key) {
    case "max-size":
      // Docker: -1 is no limit.
      return { logMaxSize: value === "-1" ? 0 : parseSize(value, "--log-opt max-size=") };
    case "max-file":
      return { logMaxFiles: oldFiles(value) };
    case "path":
      if (value === "") throw invalidValue("--log-opt", text, "the path is empty", rightOption);
      return { logPath: path.resolve(cwd, value) };
    case "tag":
      return { logTag: checkTag(value) };
    default:
      throw invalidValue("--log-opt", text, `unknown option ${JSON.stringify(key)}`, rightOption);
  }
}

/** Docker counts the file that is being written to; we count those that were. */
function oldFiles(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= 1000) return count - 1;
  throw invalidValue(
    "--log-opt max-file=",
    text,
    "not a number of files from 1 to 1000",
    "write how many files are kept, the current one included",
  );
}

function checkTag(text: string): string {
  // A line of its own would be a field of its own in the journal.
  if (Buffer.byteLength(text) <= 256 && !/[\u0000-\u001f]/.test(text)) return text;
  throw invalidValue(
    "--log-opt tag=",
    text,
    "longer than 256 bytes, or with control characters",
    "write a short text, such as {{.Name}}",
  );
}
