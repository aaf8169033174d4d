import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { isErrno } from "../platform/errno.ts";
import { nearest } from "./nearest.ts";

/** Larger files are no configuration. */
const maxBytes = 1024 * 1024;

/** Members of a document from its root: `["registry", 0, "location"]`. */
export type KeyPath = readonly (string | number)[];

/** A TOML file that fits its schema. */
export interface TomlFile<T> {
  readonly file: string;
  readonly value: T;
  /** The line (from 1) of a key, or of the table that it is missing in; undefined if none is found. */
  readonly lineOf: (path: KeyPath) => number | undefined;
}

/**
 * Reads a TOML file.
 *
 * @returns undefined if there is none
 * @throws TsmanError CONFIG_INVALID, naming file, line and key, and the key that may be meant
 */
export function readToml<T>(file: string, schema: z.ZodMiniType<T>): TomlFile<T> | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  let document: unknown;
  try {
    document = parse(text, { maxDepth: 32, unsafeKeyBehaviour: "throw" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    throw invalid(`${file}:${error.line}`, `not TOML (${why})`, error);
  }
  const lineOf = lineFinder(text);
  const result = z.safeParse(schema, document);
  if (result.success) return { file, value: result.data, lineOf };
  // A misspelt key explains a missing one.
  const { issues } = result.error;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  const path = (issue?.path ?? []) as KeyPath;
  const where = (at: KeyPath): string => {
    const line = lineOf(at);
    return line === undefined ? file : `${file}:${line}`;
  };
  if (issue?.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const meant = nearest(key, knownKeys(schema, path));
    throw invalid(
      where([...path, key]),
      `${formatKey([...path, key])} is no setting`,
      undefined,
      meant === undefined ? undefined : `did you mean ${formatKey([...path, meant])}?`,
    );
  }
  throw invalid(where(path), `${formatKey(path)} ${faultOf(issue, document)}`);
}

function faultOf(issue: z.core.$ZodIssue | undefined, document: unknown): string {
  if (issue === undefined) return "is not as expected";
  let value = document;
  for (const part of issue.path) value = (value as Record<PropertyKey, unknown>)[part];
  if (value === undefined) return "is missing";
  if (!issue.message.startsWith("Invalid input")) return issue.message;
  return issue.code === "invalid_type" ? `should be of type ${issue.expected}` : "is not allowed";
}

function readText(file: string): string | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > maxBytes) throw invalid(file, `more than the ${maxBytes} bytes allowed`);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TsmanError) throw error;
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    if (error instanceof TypeError) throw invalid(file, "not UTF-8", error);
    const why = isErrno(error, "EACCES") ? "permission denied" : "not a readable file";
    throw invalid(file, why, error, `make ${file} readable for this user`);
  }
}

function invalid(where: string, why: string, cause?: unknown, hint?: string): TsmanError {
  return new TsmanError("CONFIG_INVALID", `read configuration ${where}: ${why}`, {
    cause,
    ...(hint !== undefined && { hint }),
  });
}

/** A key as it may be written: `registry[0].location`, `aliases."a/b"`. */
export function formatKey(path: KeyPath): string {
  if (path.length === 0) return "the file";
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const name = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}

/** The keys that a schema has at a place. */
function knownKeys(schema: z.ZodMiniType<unknown>, path: KeyPath): string[] {
  let at: unknown = schema;
  for (const part of [...path, undefined]) {
    let def = definitionOf(at);
    while (def?.innerType !== undefined) def = definitionOf(def.innerType);
    if (part === undefined) return Object.keys(def?.shape ?? {});
    at = typeof part === "number" ? def?.element : (def?.shape?.[part] ?? def?.valueType);
  }
  return [];
}

interface Definition {
  readonly innerType?: unknown;
  readonly element?: unknown;
  readonly valueType?: unknown;
  readonly shape?: Readonly<Record<string, unknown>>;
}

function definitionOf(schema: unknown): Definition | undefined {
  return (schema as { readonly def?: Definition } | undefined)?.def;
}

/** Longer lines are no settings that anybody has to find. */
const maxLineLength = 4096;
const keyPattern = String.raw`(?:"[^"]*"|'[^']*'|[\w-]+)`;
const keyLine = new RegExp(`^\\s*(${keyPattern}(?:\\s*\\.\\s*${keyPattern})*)\\s*=`);
const tableLine = new RegExp(
  `^\\s*(\\[\\[?)\\s*(${keyPattern}(?:\\s*\\.\\s*${keyPattern})*)\\s*\\]`,
);

/**
 * Finds the line of a key, or else of the value or table that it is in.  smol-toml says where a
 * document is wrong, not where its keys are.  Headers of tables and keys at the start of a line are
 * found, which is how configurations are written; for anything else there is no number.
 */
function lineFinder(text: string): (path: KeyPath) => number | undefined {
  let lines: Map<string, number> | undefined;
  return (path) => {
    lines ??= indexLines(text);
    for (let length = path.length; length > 0; length -= 1) {
      const line = lines.get(formatKey(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

function indexLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let table: (string | number)[] = [];
  const note = (path: KeyPath, index: number): void => {
    const key = formatKey(path);
    if (!lines.has(key)) lines.set(key, index + 1);
  };
  text.split("\n").forEach((line, index) => {
    if (line.length > maxLineLength) return;
    const header = tableLine.exec(line);
    if (header !== null) {
      table = absoluteTable(splitKey(header[2] ?? ""), header[1] === "[[", counts);
      note(table, index);
      return;
    }
    const key = keyLine.exec(line)?.[1];
    if (key !== undefined) note([...table, ...splitKey(key)], index);
  });
  return lines;
}

/** `registry.mirror` → `registry[1].mirror[0]`, with the numbers of the tables so far. */
function absoluteTable(
  parts: readonly string[],
  isElement: boolean,
  counts: Map<string, number>,
): (string | number)[] {
  const table: (string | number)[] = [];
  parts.forEach((part, index) => {
    table.push(part);
    const key = formatKey(table);
    if (isElement && index === parts.length - 1) counts.set(key, (counts.get(key) ?? -1) + 1);
    const count = counts.get(key);
    if (count !== undefined) table.push(count);
  });
  return table;
}

function splitKey(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}
