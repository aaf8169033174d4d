/** One line of a container's log: the CRI format, which Podman calls k8s-file. */
export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** A partial line: the program's line goes on in the next one. */
  readonly isPartial: boolean;
  readonly text: Uint8Array;
}

const space = 0x20;

/** Takes one line (without its newline) apart; undefined for one cut off by a crash. */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const ascii = Buffer.from(line.buffer, line.byteOffset, third).toString("latin1");
  const [time, stream, tag] = ascii.split(" ");
  if (time === undefined || (stream !== "stdout" && stream !== "stderr")) return undefined;
  return { time, stream, isPartial: tag === "P", text: line.subarray(third + 1) };
}
