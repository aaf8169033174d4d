import { readFileSync } from "node:fs";

/** The trimmed text of a small file of /proc, /sys or /etc; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The same as a whole number; undefined when it is none. */
export function readNumber(path: string): number | undefined {
  const text = readText(path);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}
