import type { LogLine } from "./log-line.ts";

/** An entry of systemd's journal that a container's monitor has written. */
export interface JournalEntry {
  /** Where it stands, for `--after-cursor`. */
  readonly cursor: string;
  readonly line: LogLine;
}

/** The priority with which the monitor logs standard error: syslog's LOG_ERR. */
const errorPriority = "3";

/**
 * Takes a line of `journalctl --output=json` apart: systemd's Journal JSON Format.
 *
 * @returns undefined for what is no such entry.
 */
export function parseJournalEntry(text: string): JournalEntry | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof document !== "object" || document === null) return undefined;
  const fields = document as Readonly<Record<string, unknown>>;
  const { __CURSOR: cursor, __REALTIME_TIMESTAMP: microseconds } = fields;
  const bytes = messageBytes(fields.MESSAGE);
  if (typeof cursor !== "string" || bytes === undefined) return undefined;
  if (typeof microseconds !== "string" || !/^\d{1,16}$/.test(microseconds)) return undefined;
  return {
    cursor,
    line: {
      time: momentOf(microseconds),
      stream: fields.PRIORITY === errorPriority ? "stderr" : "stdout",
      isPartial: fields.CONTAINER_PARTIAL_MESSAGE === "true",
      text: bytes,
    },
  };
}

/** Text, or a list of bytes where it is no UTF-8. */
function messageBytes(message: unknown): Uint8Array | undefined {
  if (typeof message === "string") return Buffer.from(message);
  const isBytes =
    Array.isArray(message) &&
    message.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  return isBytes ? Uint8Array.from(message) : undefined;
}

/** RFC 3339 with six decimals. */
function momentOf(microseconds: string): string {
  const digits = microseconds.padStart(7, "0");
  const seconds = new Date(Number(digits.slice(0, -6)) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${digits.slice(-6)}Z`;
}
