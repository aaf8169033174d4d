/** One line of a container's log. */
export interface LogLine {
  /** RFC 3339 with up to nine decimals, as written. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** A partial line: the program's line goes on in the next one. */
  readonly isPartial: boolean;
  readonly text: Uint8Array;
}

const space = 0x20;
const openBrace = 0x7b;

/**
 * Takes one line (without its newline) apart: of the CRI format, which Podman calls k8s-file, or of
 * Docker's json-file.
 *
 * @returns undefined for one that was cut off by a crash.
 */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  return line[0] === openBrace ? parseJsonLine(line) : parseCriLine(line);
}

/** `TIME STREAM F|P TEXT` */
function parseCriLine(line: Uint8Array): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const ascii = Buffer.from(line.buffer, line.byteOffset, third).toString("latin1");
  const [time, stream, tag] = ascii.split(" ");
  if (time === undefined || (stream !== "stdout" && stream !== "stderr")) return undefined;
  return { time, stream, isPartial: tag === "P", text: line.subarray(third + 1) };
}

/** `{"log":"TEXT\n","stream":"stdout","time":"…"}`; without the newline in it the line goes on. */
function parseJsonLine(line: Uint8Array): LogLine | undefined {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString());
  } catch {
    return undefined;
  }
  const { log, stream, time } = document as Readonly<Record<string, unknown>>;
  if (typeof log !== "string" || typeof time !== "string") return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const isPartial = !log.endsWith("\n");
  return { time, stream, isPartial, text: Buffer.from(isPartial ? log : log.slice(0, -1)) };
}
