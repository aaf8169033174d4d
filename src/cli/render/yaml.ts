import type { JsonValue } from "../../engine/types.ts";

/** Plain data in YAML's block style, for people: what `info` prints. */
export function yamlText(value: JsonValue): string {
  return block(value, 0);
}

function block(value: JsonValue, depth: number): string {
  const indent = "  ".repeat(depth);
  if (isList(value)) {
    return value
      .map((item) =>
        isNested(item)
          ? `${indent}- ${block(item, depth + 1).trimStart()}`
          : `${indent}- ${scalar(item)}\n`,
      )
      .join("");
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([key, item]) =>
        isNested(item)
          ? `${indent}${key}:\n${block(item, depth + 1)}`
          : `${indent}${key}: ${scalar(item)}\n`,
      )
      .join("");
  }
  return `${indent}${scalar(value)}\n`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isNested(value: JsonValue): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function scalar(value: JsonValue): string {
  if (typeof value === "string")
    return /^[A-Za-z0-9/._@+ ()=<>-]+$/.test(value) && !/^[- ]| $/.test(value)
      ? value
      : JSON.stringify(value);
  return JSON.stringify(value);
}
