import { readFileSync } from "node:fs";
import path from "node:path";

/** Name of the monitor's file in the volatile directory of a container with a health check. */
export const healthFileName = "health";

/** How a check went. */
export interface HealthResultRecord {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly start: string;
  readonly end: string;
  /** -1: it took too long. */
  readonly exitCode: number;
  /** At most 500 bytes of what it wrote. */
  readonly output: string;
}

/** What the monitor wrote down about a container's health; native/health-state.c. */
export interface HealthRecord {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly failingStreak: number;
  /** How many checks were done in this life. */
  readonly checks: number;
  /** The oldest first. */
  readonly results: readonly HealthResultRecord[];
}

/** Reads the state of a container's health; undefined: there is none that is complete. */
export function readHealth(runDir: string): HealthRecord | undefined {
  try {
    return parseHealth(readFileSync(path.join(runDir, healthFileName)));
  } catch {
    return undefined;
  }
}

const statuses = ["starting", "healthy", "unhealthy"] as const;
const newline = 0x0a;

/** Takes the file apart; undefined for one that does not say everything. */
export function parseHealth(bytes: Buffer): HealthRecord | undefined {
  const values = new Map<string, string>();
  const results: HealthResultRecord[] = [];
  for (let position = 0; position < bytes.length; ) {
    const end = bytes.indexOf(newline, position);
    if (end < 0) return undefined;
    const [key = "", ...words] = bytes.toString("latin1", position, end).split(" ");
    position = end + 1;
    if (key !== "result") {
      values.set(key, words.join(" "));
      continue;
    }
    const length = Number(words[3]);
    if (words.length !== 4 || !Number.isInteger(length) || length < 0) return undefined;
    if (position + length >= bytes.length) return undefined;
    results.push({
      start: moment(words[0] ?? ""),
      end: moment(words[1] ?? ""),
      exitCode: Number(words[2]),
      output: bytes.toString("utf8", position, position + length),
    });
    position += length + 1;
  }
  const status = statuses.find((one) => one === values.get("status"));
  const failingStreak = Number(values.get("streak"));
  const checks = Number(values.get("checks"));
  if (status === undefined || Number.isNaN(failingStreak + checks)) return undefined;
  return { status, failingStreak, checks, results };
}

/** Nanoseconds since 1970 as RFC 3339. */
function moment(nanoseconds: string): string {
  const seconds = Number(nanoseconds.slice(0, -9));
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}.${nanoseconds.slice(-9).padStart(9, "0")}Z`;
}
