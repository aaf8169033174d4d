import { readSync } from "node:fs";
import type { CommandContext } from "./command.ts";

/** An answer is a word. */
const maxAnswerBytes = 64;

/** Asks before something is destroyed; without an answer nothing is. */
export function confirm(warning: string, context: CommandContext): boolean {
  context.stderr.write(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  const bytes = Buffer.alloc(maxAnswerBytes);
  let length = 0;
  try {
    // Byte by byte: what follows the line may be somebody else's.
    while (length < maxAnswerBytes && readSync(0, bytes, length, 1, null) === 1) {
      if (bytes[length] === 0x0a) break;
      length += 1;
    }
  } catch {
    // A descriptor that cannot be read answers nothing.
  }
  return /^y(?:es)?$/i.test(bytes.toString("latin1", 0, length).trim());
}
