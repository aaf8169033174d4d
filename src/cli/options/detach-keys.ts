import { invalidValue } from "../usage-error.ts";

const right =
  'write keys with commas between them, such as ctrl-p,ctrl-q; a key is a letter, @ [ \\ ] ^ _ after ctrl-, or one character; "" turns it off';

/** DETACH_KEYS_MAX in native/detach-keys.h. */
const maxKeys = 32;

/** `--detach-keys`: the bytes that the terminal sends for them; empty: never detach. */
export function parseDetachKeys(text: string, option: string): readonly number[] {
  if (text === "") return [];
  const keys = text.split(",");
  if (keys.length > maxKeys) {
    throw invalidValue(option, text, `more than ${maxKeys} keys`, right);
  }
  return keys.map((key) => {
    const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key);
    // A control key clears the upper three bits of its letter, as terminals have done since ASCII.
    if (control !== null) return (control[1] as string).toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x21-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw invalidValue(option, text, `${JSON.stringify(key)} is no key`, right);
  });
}
