import { readSync } from "node:fs";
import { TsmanError } from "../errors/index.ts";
import { isTerminal } from "../platform/is-terminal.ts";
import { makeTerminalRaw } from "../platform/terminal-mode.ts";
import type { CommandContext } from "./command.ts";
import { usageError } from "./usage-error.ts";

/** No name and no password is longer; identity tokens are a few thousand characters. */
const maxSecretBytes = 64 * 1024;

const returnKey = 0x0d;
const lineFeed = 0x0a;
const interrupt = 0x03;
const endOfInput = 0x04;
const eraseLine = 0x15;
const erase = new Set([0x08, 0x7f]);

/**
 * The name and the password as options give them, or as somebody types them.
 *
 * @throws TsmanError USAGE, INTERRUPTED
 */
export function givenCredentials(
  values: {
    readonly username: string | undefined;
    readonly password: string | undefined;
    readonly "password-stdin": boolean;
  },
  context: CommandContext,
  warn: (message: string) => void,
): { readonly username: string; readonly password: string } {
  const { username, password, "password-stdin": isPiped } = values;
  if (password !== undefined && isPiped) {
    throw usageError("log in: --password and --password-stdin exclude each other", "give one");
  }
  if (isPiped && username === undefined) {
    throw usageError("log in: --password-stdin needs the name", "add --username NAME");
  }
  if (password !== undefined) {
    warn("--password can be read by every user of this host: use --password-stdin");
  }
  return {
    username: username ?? ask("Username: ", false, context),
    password: password ?? (isPiped ? readSecret() : ask("Password: ", true, context)),
  };
}

/**
 * All of standard input but the line break at its end: `--password-stdin`.
 *
 * @throws TsmanError USAGE
 */
function readSecret(): string {
  const bytes = Buffer.alloc(maxSecretBytes);
  let length = 0;
  for (;;) {
    const count = readSome(bytes, length);
    length += count;
    if (count === 0) break;
    if (length === maxSecretBytes) {
      throw usageError("read the password: standard input is too long", "give the password alone");
    }
  }
  return bytes.toString("utf8", 0, length).replace(/\r?\n$/, "");
}

/**
 * Asks somebody at a terminal.
 *
 * @param isSecret what is typed is not shown
 * @throws TsmanError USAGE where nobody can answer, INTERRUPTED for Ctrl-C
 */
function ask(question: string, isSecret: boolean, { stderr }: CommandContext): string {
  if (!isTerminal(0)) {
    throw usageError(
      "ask for a user name and a password: standard input is no terminal",
      "write tsman login --username NAME --password-stdin REGISTRY < FILE",
    );
  }
  // Raw, so that Ctrl-C comes here, and leaves no terminal that shows nothing; before the question,
  // so that nothing of an answer is shown.
  const restore = makeTerminalRaw(0);
  try {
    stderr.write(question);
    return readTyped((text) => {
      if (!isSecret) stderr.write(text);
    });
  } finally {
    restore();
    stderr.write("\n");
  }
}

function readTyped(show: (text: string) => void): string {
  const byte = Buffer.alloc(1);
  let typed: number[] = [];
  while (typed.length < maxSecretBytes && readSome(byte, 0) === 1) {
    const [code = endOfInput] = byte;
    if (code === returnKey || code === lineFeed || code === endOfInput) break;
    if (code === interrupt) throw new TsmanError("INTERRUPTED", "ask for credentials: interrupted");
    if (code === eraseLine) {
      show("\b \b".repeat(Buffer.from(typed).toString("utf8").length));
      typed = [];
    } else if (erase.has(code)) {
      if (typed.length > 0) show("\b \b");
      // The bytes of one character.
      while (((typed.pop() ?? 0) & 0xc0) === 0x80);
    } else {
      typed.push(code);
      show(String.fromCharCode(code));
    }
  }
  return Buffer.from(typed).toString("utf8");
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Reads what is there; waits where the descriptor says that there is nothing yet. */
function readSome(into: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(0, into, offset, into.length - offset, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(never, 0, 0, 10);
    }
  }
}
