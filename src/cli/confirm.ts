import { readSync } from "node:fs";
import type { CommandContext } from "./command.ts";
import { usageError } from "./usage-error.ts";

/** An answer is a word. */
const maxAnswerBytes = 64;

/**
 * Asks before something is destroyed; without an answer nothing is.
 *
 * @throws TsmanError USAGE when nobody can answer: a script has to learn that nothing was done
 */
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
  // Not even an empty line.
  if (length === 0 && bytes[0] === 0) {
    context.stderr.write("\n");
    throw usageError("ask before removing: standard input has no answer", "use --force");
  }
  return /^y(?:es)?$/i.test(bytes.toString("latin1", 0, length).trim());
}
