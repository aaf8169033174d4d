import { TsmanError } from "../../errors/index.ts";

/** Records of one PAX header; keys and values are byte strings. Later records win, as in pax(1). */
export type PaxRecords = ReadonlyMap<string, string>;

const space = 0x20;
const newline = 0x0a;
const equals = 0x3d;

/**
 * Reads the body of a PAX extended header: `LENGTH KEY=VALUE\n` and nothing else.
 *
 * tar-stream stops silently at the first record that it cannot read, others fail: an archive whose
 * meaning depends on the reader is refused (security case S49).
 *
 * @throws TsmanError LAYER_INVALID
 */
export function parsePaxRecords(body: Buffer): PaxRecords {
  const records = new Map<string, string>();
  let at = 0;
  while (at < body.length) {
    const start = at;
    let length = 0;
    let digit = body[at] ?? 0;
    while (digit >= 0x30 && digit <= 0x39 && length < body.length) {
      length = length * 10 + digit - 0x30;
      at += 1;
      digit = body[at] ?? 0;
    }
    const end = start + length;
    if (at === start || digit !== space || end > body.length || body[end - 1] !== newline) {
      throw invalid("a record's length is wrong");
    }
    const separator = body.indexOf(equals, at + 1);
    if (separator === -1 || separator >= end) throw invalid("a record has no =");
    const key = body.toString("latin1", at + 1, separator);
    if (key === "" || key.includes("\0")) throw invalid("a record has no valid key");
    records.set(key, body.toString("latin1", separator + 1, end - 1));
    at = end;
  }
  return records;
}

/**
 * The same records with every byte above 127 as a UTF-8 sequence of its own, so that a reader which
 * decodes UTF-8 – tar-stream – ends up with the byte strings.
 */
export function encodeByteStrings(records: PaxRecords): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of records) {
    const rest = Buffer.from(` ${key}=${value}\n`, "utf8");
    let length = rest.length;
    while (String(length).length + rest.length !== length) {
      length = String(length).length + rest.length;
    }
    parts.push(Buffer.from(String(length)), rest);
  }
  return Buffer.concat(parts);
}

/**
 * A decimal number of a record, strictly: `12`, not `12abc`, `1e3` or ` 12` (security case S100).
 *
 * @throws TsmanError LAYER_INVALID
 */
export function parsePaxNumber(key: string, value: string): number {
  const number = /^[0-9]{1,19}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw invalid(`${key} is not a number in range`);
  return number;
}

function invalid(why: string): TsmanError {
  return new TsmanError("LAYER_INVALID", `PAX header: ${why}`);
}
