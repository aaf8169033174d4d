import { closeSync, openSync, readSync } from "node:fs";

/** The kernel's random bytes, random(4): node:crypto has the same ones and takes 8 ms to load. */
export function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const fd = openSync("/dev/urandom", "r");
  try {
    // Reads of up to 256 bytes are never short.
    for (let at = 0; at < count; ) at += readSync(fd, bytes, at, Math.min(256, count - at), null);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

/** That many random bytes as hexadecimal digits, two for each. */
export function randomHex(count: number): string {
  return randomBytes(count).toString("hex");
}
