import type { CopyEnd } from "../../engine/file-types.ts";
import { rawArgument } from "../raw-argument.ts";
import { usageError } from "../usage-error.ts";

/**
 * One end of a copy: `CONTAINER:PATH`; a path of this host, which a leading `.` or `/` makes sure;
 * or `-` for an archive on a descriptor.
 *
 * @throws TsmanError USAGE
 */
export function parseCopyEnd(text: string, descriptor: number): CopyEnd {
  if (text === "-") return { kind: "archive", descriptor };
  const bytes = rawArgument(text);
  const colon = bytes.indexOf(0x3a);
  const isHost = colon < 0 || text.startsWith("/") || text.startsWith(".");
  if (isHost) {
    if (bytes.length === 0) throw usageError("copy files: an empty path", "name a file");
    return { kind: "host", path: bytes };
  }
  const container = bytes.toString("utf8", 0, colon);
  const path = bytes.subarray(colon + 1);
  if (container === "" || path.length === 0) {
    throw usageError(
      `copy ${JSON.stringify(text)}: ${container === "" ? "the container" : "the path"} is missing`,
      "write CONTAINER:PATH, or ./NAME for a file of this host with a colon",
    );
  }
  return { kind: "container", container, path };
}
