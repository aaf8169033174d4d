import { readFileSync } from "node:fs";

const replacement = "\ufffd";

/**
 * The bytes of a command line argument.  Node decodes arguments as UTF-8 and puts U+FFFD for what
 * is none; the kernel still has the bytes (proc_pid_cmdline(5)).
 */
export function rawArgument(text: string): Buffer {
  if (!text.includes(replacement)) return Buffer.from(text);
  const line = readFileSync("/proc/self/cmdline", "latin1");
  for (const argument of line.split("\0")) {
    // bin/tsman marks some arguments.
    const bytes = Buffer.from(argument, "latin1");
    if (bytes.toString("utf8") === text) return bytes;
    if (bytes.toString("utf8") === `%${text}`) return bytes.subarray(1);
  }
  return Buffer.from(text);
}
