import * as z from "zod/mini";
import type { TsmanEvent } from "../types.ts";

const lineSchema = z.object({
  time: z.string().check(z.regex(/^\d{1,12}\.\d{9}$/)),
  type: z.enum(["container", "image", "volume"]),
  status: z.string(),
  id: z.optional(z.string()),
  name: z.string(),
  image: z.optional(z.string()),
  outcome: z.optional(z.string()),
  attributes: z.optional(z.record(z.string(), z.string())),
});

/** Takes a line of the store's file of events apart; undefined for a damaged one. */
export function parseEventLine(line: Uint8Array): TsmanEvent | undefined {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString();
  const parsed = lineSchema.safeParse(jsonOf(text) ?? jsonOf(rest(text)));
  if (!parsed.success) return undefined;
  const { time, outcome, attributes = {}, type, status, ...subject } = parsed.data;
  const isEnd = status === "died" || status === "exec_died";
  const isExitCode = isEnd && outcome !== undefined && /^\d{1,3}$/.test(outcome);
  return {
    ...subject,
    type,
    // Another one is of a newer tsman, and shown as it is.
    status: status as TsmanEvent["status"],
    time: rfc3339(time),
    attributes,
    ...(isExitCode ? { exitCode: Number(outcome) } : {}),
    ...(status === "health_status" && outcome !== undefined ? { health: outcome } : {}),
  };
}

/**
 * The event behind one of which only a part got into the file (a full disk, a loss of power): within
 * a JSON text no line begins like this, since its quotes would be escaped.
 */
function rest(text: string): string {
  const start = text.lastIndexOf('{"time":');
  return start > 0 ? text.slice(start) : "";
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds since 1970 with nine decimals as RFC 3339 in UTC, none of them lost. */
function rfc3339(time: string): string {
  const [seconds = "0", nanoseconds = "0"] = time.split(".");
  const upToSeconds = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${upToSeconds}.${nanoseconds}Z`;
}
