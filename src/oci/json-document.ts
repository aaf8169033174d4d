import { type ErrorCode, TsmanError } from "../errors/index.ts";
import { endOfString, jsonFaultPlace } from "./json-fault.ts";

/** What {@link readJson} needs to know besides the bytes. */
export interface DocumentRules {
  /** What it is, for messages: "manifest sha256:…". */
  readonly what: string;
  /** Code of the error that is thrown. */
  readonly code: ErrorCode;
  /** Bytes; a larger document is refused before it is decoded. */
  readonly maxBytes: number;
}

/** Deeper nesting than any document of the image specification has use for. */
const maxDepth = 64;

/**
 * More strings than any image needs.  V8 keeps short ones in a table by their hash, of which somebody
 * may make many that are alike: with this many that takes seconds.
 */
const maxStrings = 50_000;

/**
 * Reads a JSON document from outside: bounded size, strict UTF-8, no member named twice.
 *
 * A member that stands there twice is refused, since two readers may each believe a different one
 * (case S65; RFC 8259, 4: "names within an object SHOULD be unique").
 *
 * @throws TsmanError with `rules.code`, naming the document
 */
export function readJson(bytes: Uint8Array, rules: DocumentRules): unknown {
  const fail = (why: string, cause?: unknown): never => {
    throw new TsmanError(rules.code, `read ${rules.what}: ${why}`, { cause });
  };
  if (bytes.length > rules.maxBytes) {
    fail(`${bytes.length} bytes, more than the ${rules.maxBytes} allowed`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    return fail("not UTF-8", error);
  }
  // Before JSON.parse, which is slow on deep nesting (a megabyte of brackets takes 0.2 s).
  const fault = structureFault(text);
  if (fault !== undefined) fail(fault);
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(`not JSON (${jsonFault(text)})`, error);
  }
}

/** Only where: the document may hold anything. */
function jsonFault(text: string): string {
  const place = jsonFaultPlace(text);
  return place === undefined
    ? "it ends too early"
    : `at line ${place.line}, column ${place.column}`;
}

/**
 * Finds members that stand twice in one object, and too much of anything.  Only has to tell
 * strings, braces and commas apart, since JSON.parse judges the rest; linear in the text's length.
 */
function structureFault(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let expectsName = false;
  let strings = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(new Set());
        expectsName = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        expectsName = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        expectsName = false;
        break;
      case 0x2c: // ,
        expectsName = open.at(-1) !== undefined;
        break;
      case 0x22: {
        const end = endOfString(text, at);
        strings += 1;
        if (strings > maxStrings) return `more than ${maxStrings} strings`;
        if (expectsName) {
          const name = memberName(text.slice(at, end + 1));
          const names = open.at(-1);
          if (names?.has(name)) return `member ${JSON.stringify(name.slice(0, 80))} stands twice`;
          names?.add(name);
          expectsName = false;
        }
        at = end;
        break;
      }
      default:
        break;
    }
    if (open.length > maxDepth) return `nested more than ${maxDepth} levels deep`;
  }
  return undefined;
}

/** A member's name with its escapes resolved; one that is malformed stays as it is. */
function memberName(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}
