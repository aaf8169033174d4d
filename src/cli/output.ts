import { writeSync } from "node:fs";
import { TsmanError } from "../errors/index.ts";
import { toFileError } from "../platform/errno.ts";
import { isTerminal as isTerminalDescriptor } from "../platform/is-terminal.ts";

/** Where a command writes: stdout for data, stderr for people. */
export interface Output {
  write(text: string | Uint8Array): void;
  readonly isTerminal: boolean;
  /** Nobody reads any more (`| head`): what goes on printing may end. */
  readonly isClosed?: boolean;
  /** Nothing is printed (`--noout`); missing: it is. */
  readonly isSilent?: boolean;
}

/**
 * An output on a descriptor.  It writes synchronously: node's own streams cost milliseconds to set
 * up, switch the descriptor (which the container shares) to non-blocking, and lose what is pending
 * when the process exits.
 */
export function descriptorOutput(descriptor: number): Output {
  let isTerminal: boolean | undefined;
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    get isTerminal() {
      isTerminal ??= isTerminalDescriptor(descriptor);
      return isTerminal;
    },
    write(text) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      for (let offset = 0; offset < bytes.length && !isClosed; ) {
        try {
          offset += writeSync(descriptor, bytes, offset);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === "EAGAIN") pause();
          // Nobody reads any more (`| head`): like other filters, stop without a word.
          else if (code === "EPIPE") isClosed = true;
          // An error that cannot be told is told by the exit status alone.
          else if (descriptor === standardError) isClosed = true;
          else throw writeFailure(error);
        }
      }
    },
  };
}

const standardError = 2;

/** The store's remedies for a full disk are none here. */
function writeFailure(error: unknown): TsmanError {
  const { code, message } = toFileError(error, "write to standard output");
  return new TsmanError(code, message, { hint: "see where it leads to", cause: error });
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** The other side made the descriptor non-blocking, and it is full: give its reader a moment. */
function pause(): void {
  Atomics.wait(never, 0, 0, 2);
}
