import { usageError } from "../usage-error.ts";

/** The error of a template that cannot be read or run: `why` completes "parse --format:". */
export function templateError(
  why: string,
  hint = "write it like {{.Field}}, {{json .}} or {{range .List}}{{.}} {{end}}",
): Error {
  return usageError(`parse --format: ${why}`, hint);
}
