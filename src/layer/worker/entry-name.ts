/*
 * File names are bytes (security case S101).  Inside the worker every name, link target and
 * extended attribute is a "byte string": one character U+0000…U+00FF per byte ("latin1"), which
 * keeps them exact, comparable and usable as map keys.
 */

const highByte = /[\x80-\xff]/;

/** What node:fs takes for a byte string: itself while it is ASCII (the fast way), else its bytes. */
export function fsPath(byteString: string): string | Buffer {
  return highByte.test(byteString) ? Buffer.from(byteString, "latin1") : byteString;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Control and format characters, line separators, and the escape character itself. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu;
const notAscii = /[^\x20-\x5b\x5d-\x7e]/g;
const longest = 200;

/**
 * A byte string for people: UTF-8 where it is, everything that could disturb a terminal or the
 * sentence around it escaped (security case S35), cut to a readable length.
 */
export function displayName(byteString: string): string {
  if (byteString.length <= longest) return escaped(byteString);
  return `${escaped(byteString.slice(0, longest))}…`;
}

function escaped(byteString: string): string {
  const text = decodeUtf8(byteString);
  return text === undefined
    ? byteString.replace(notAscii, escapeByte)
    : text.replace(unprintable, escapeCharacter);
}

/** The text of UTF-8 bytes; undefined if they are none. */
export function decodeUtf8(byteString: string): string | undefined {
  try {
    return decoder.decode(Buffer.from(byteString, "latin1"));
  } catch {
    return undefined;
  }
}

function escapeCharacter(character: string): string {
  return Array.from(Buffer.from(character).toString("latin1"), escapeByte).join("");
}

function escapeByte(byte: string): string {
  return byte === "\\" ? "\\\\" : `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
