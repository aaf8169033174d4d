import { templateError } from "./failure.ts";
import { hiddenFields, isGoMap, zeroOf } from "./go-map.ts";

/** How many fields an error lists. */
const mostNames = 80;

/** Go's idea of truth: not the zero value, not empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return !isGoMap(value) || Object.keys(value).length > 0;
  return Boolean(value);
}

/** What an action prints: Go's `%v`. */
export function show(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (!isObject(value)) return String(value as string | number | boolean);
  if (!isGoMap(value)) return `{${Object.values(value).map(show).join(" ")}}`;
  const pairs = sortedEntries(value).map(([key, item]) => `${key}:${show(item)}`);
  return `map[${pairs.join(" ")}]`;
}

/**
 * A field by its name; also in other case, since Docker's and Podman's names differ in that.
 *
 * @throws TsmanError USAGE naming the fields that a document has; a map without that key gives
 * undefined.
 */
export function fieldOf(value: unknown, name: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw templateError(`no field .${name} in ${shortened(value)}`);
  if (isGoMap(value)) return own(value, name);
  return ownField(value, name);
}

/**
 * Go's `index`: an element of a list, map or text.
 *
 * @throws TsmanError USAGE
 */
export function elementOf(value: unknown, key: unknown): unknown {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value[position(key, value.length - 1)];
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    return bytes[position(key, bytes.length - 1)];
  }
  if (!isObject(value))
    throw templateError(`index of ${shortened(value)}, which is no list or map`);
  const name = show(key);
  if (!isGoMap(value)) return ownField(value, name);
  return Object.hasOwn(value, name) ? own(value, name) : zeroOf(value);
}

/**
 * Keys and elements in the order in which `range` visits them.
 *
 * @throws TsmanError USAGE for what has none.
 */
export function entriesOf(value: unknown): readonly (readonly [key: unknown, element: unknown])[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((element, index) => [index, element]);
  if (typeof value === "number" && Number.isInteger(value) && value < 1e6) {
    return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index]);
  }
  if (!isObject(value))
    throw templateError(`range over ${shortened(value)}, which is no list or map`);
  return isGoMap(value) ? sortedEntries(value) : Object.entries(value);
}

/** An integer between 0 and `most`. */
export function position(key: unknown, most: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) {
    throw templateError(`${shortened(key)} is no index: it has to be a number`);
  }
  if (key < 0 || key > most) throw templateError(`index out of range: ${key}`);
  return key;
}

/** A value for an error message. */
export function shortened(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : show(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** Whether it has members. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function ownField(document: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(document, name)) return document[name];
  const record = { ...document, ...hiddenFields(document), ...document };
  const names = Object.keys(record);
  const key = names.find((one) => one.toLowerCase() === name.toLowerCase());
  if (key !== undefined) return record[key];
  const listed = names.slice(0, mostNames).map((one) => `.${one}`);
  const more = names.length > mostNames ? " …" : "";
  const there = names.length === 0 ? "" : `; there are ${listed.join(" ")}${more}`;
  throw templateError(`no field .${name}${there}`);
}

function own(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The entries of a map in the order in which Go visits them. */
export function sortedEntries(map: object): (readonly [string, unknown])[] {
  return Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
