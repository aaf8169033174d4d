import { isEqualToAny, isLess } from "./compare.ts";
import { templateError } from "./failure.ts";
import { formatPrint, formatPrintf } from "./format.ts";
import { isGoMap } from "./go-map.ts";
import {
  elementOf,
  entriesOf,
  isObject,
  isTrue,
  position,
  shortened,
  show,
  sortedEntries,
} from "./values.ts";

/** A function of templates: how many arguments it takes, and what it gives. */
interface TemplateFunction {
  readonly min: number;
  readonly max: number;
  readonly call: (...args: readonly unknown[]) => unknown;
}

const any = Number.POSITIVE_INFINITY;

// Go's own (https://pkg.go.dev/text/template#hdr-Functions), and those that Docker and Podman add:
// json join lower pad replace split title trim truncate upper.
const functions: Readonly<Record<string, TemplateFunction>> = {
  // The evaluation stops at the operand that decides; here all are known.
  and: { min: 1, max: any, call: (...args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1) },
  eq: { min: 2, max: any, call: (first, ...others) => isEqualToAny("eq", first, others) },
  ge: { min: 2, max: 2, call: (a, b) => !isLess("ge", a, b) },
  gt: { min: 2, max: 2, call: (a, b) => isLess("gt", b, a) },
  html: { min: 1, max: any, call: (...args) => escapeHtml(formatPrint(args)) },
  index: { min: 1, max: any, call: (first, ...keys) => keys.reduce(elementOf, first) },
  join: { min: 2, max: 2, call: (list, separator) => join(list, show(separator)) },
  json: { min: 1, max: 1, call: (value) => JSON.stringify(value ?? null, inGoOrder) },
  le: { min: 2, max: 2, call: (a, b) => !isLess("le", b, a) },
  len: { min: 1, max: 1, call: length },
  lower: { min: 1, max: 1, call: (value) => text("lower", value).toLowerCase() },
  lt: { min: 2, max: 2, call: (a, b) => isLess("lt", a, b) },
  ne: { min: 2, max: 2, call: (a, b) => !isEqualToAny("ne", a, [b]) },
  not: { min: 1, max: 1, call: (value) => !isTrue(value) },
  or: { min: 1, max: any, call: (...args) => args.find(isTrue) ?? args.at(-1) },
  pad: { min: 3, max: 3, call: pad },
  print: { min: 0, max: any, call: (...args) => formatPrint(args) },
  printf: {
    min: 1,
    max: any,
    call: (format, ...args) => formatPrintf(text("printf", format), args),
  },
  println: { min: 0, max: any, call: (...args) => `${args.map(show).join(" ")}\n` },
  replace: {
    min: 3,
    max: 3,
    call: (value, old, by) => text("replace", value).replaceAll(show(old), () => show(by)),
  },
  slice: { min: 1, max: 3, call: slice },
  split: {
    min: 2,
    max: 2,
    call: (value, separator) =>
      separator === "" ? [...text("split", value)] : text("split", value).split(show(separator)),
  },
  title: { min: 1, max: 1, call: (value) => title(text("title", value)) },
  trim: { min: 1, max: 1, call: (value) => text("trim", value).trim() },
  truncate: { min: 2, max: 2, call: truncate },
  upper: { min: 1, max: 1, call: (value) => text("upper", value).toUpperCase() },
  urlquery: { min: 1, max: any, call: (...args) => escapeQuery(formatPrint(args)) },
};

/** All functions, by name. */
export const functionNames: readonly string[] = Object.keys(functions);

/**
 * Calls a function that {@link functionNames} lists.
 *
 * @throws TsmanError USAGE
 */
export function callFunction(name: string, args: readonly unknown[]): unknown {
  const { min, max, call } = functions[name] as TemplateFunction;
  if (args.length >= min && args.length <= max) return call(...args);
  const wanted = max === any ? `${min} or more` : min === max ? `${min}` : `${min} to ${max}`;
  throw templateError(
    `${name} wants ${wanted} argument${max === 1 ? "" : "s"}, not ${args.length}`,
  );
}

/** Of JSON.stringify: Go writes the keys of a map sorted, and the fields of a document as they come. */
function inGoOrder(_: string, value: unknown): unknown {
  return isObject(value) && isGoMap(value) ? Object.fromEntries(sortedEntries(value)) : value;
}

function text(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return show(value);
  throw templateError(`${name} wants a text, not ${shortened(value)}`);
}

function join(list: unknown, separator: string): string {
  // What Docker has as a list may be one text here, and the other way round.
  if (typeof list === "string") return list;
  return entriesOf(list)
    .map(([, element]) => show(element))
    .join(separator);
}

function length(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  throw templateError(`len of ${shortened(value)}, which has none`);
}

function slice(value: unknown, from: unknown = 0, to?: unknown): unknown {
  const list = typeof value === "string" ? Buffer.from(value) : value;
  if (!Array.isArray(list) && !Buffer.isBuffer(list)) {
    throw templateError(`slice of ${shortened(value)}, which is no list or text`);
  }
  const end = to === undefined ? list.length : position(to, list.length);
  const part = list.slice(position(from, end), end);
  return Buffer.isBuffer(part) ? part.toString() : part;
}

function pad(value: unknown, before: unknown, behind: unknown): string {
  const given = text("pad", value);
  if (given === "") return "";
  return `${" ".repeat(count(before))}${given}${" ".repeat(count(behind))}`;
}

function truncate(value: unknown, most: unknown): string {
  return [...text("truncate", value)].slice(0, count(most)).join("");
}

function count(value: unknown): number {
  return position(value, 10_000);
}

/** Go's strings.Title: a letter behind what is no letter, digit or underscore is a capital. */
function title(value: string): string {
  return value.replace(/(?<![\p{L}\p{N}_])\p{L}/gu, (letter) => letter.toUpperCase());
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => htmlEscapes[character] ?? character);
}

/** Go's url.QueryEscape. */
function escapeQuery(value: string): string {
  return encodeURIComponent(value)
    .replaceAll("%20", "+")
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
