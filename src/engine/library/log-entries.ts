import type { ContainerLogLine } from "../types.ts";
import type { LogEntry } from "./types.ts";

/** Bytes of a line before it is cut. */
const maxLine = 1024 * 1024;

interface Begun {
  readonly time: string;
  readonly pieces: Buffer[];
  size: number;
}

/** Lines as the program wrote them: a log keeps long ones in pieces. */
export async function* logEntries(
  lines: AsyncIterable<ContainerLogLine>,
): AsyncGenerator<LogEntry> {
  const begun: { stdout?: Begun | undefined; stderr?: Begun | undefined } = {};
  const finish = (stream: "stdout" | "stderr", { time, pieces }: Begun): LogEntry => {
    begun[stream] = undefined;
    return { time, stream, text: Buffer.concat(pieces).toString("utf8") };
  };
  for await (const { time, stream, text, isPartial } of lines) {
    const line = begun[stream] ?? { time, pieces: [], size: 0 };
    // A line's text is valid until the next one is asked for.
    line.pieces.push(Buffer.from(text));
    line.size += text.byteLength;
    begun[stream] = line;
    if (!isPartial || line.size >= maxLine) yield finish(stream, line);
  }
  for (const stream of ["stdout", "stderr"] as const) {
    const line = begun[stream];
    if (line !== undefined) yield finish(stream, line);
  }
}
