import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { type DocumentRules, readJson } from "./json-document.ts";

/**
 * Reads a JSON document from outside as {@link readJson} does, then by the schema.
 *
 * @throws TsmanError with `rules.code`, naming the document and the member
 */
export function parseDocument<T>(
  schema: z.ZodMiniType<T>,
  bytes: Uint8Array,
  rules: DocumentRules,
): T {
  const result = z.safeParse(schema, readJson(bytes, rules));
  if (result.success) return result.data;
  const why = describeIssues(result.error.issues);
  throw new TsmanError(rules.code, `read ${rules.what}: ${why}`);
}

/** One line for what a schema has found, naming the first member that is wrong. */
export function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (issue === undefined) return "not as expected";
  const where = issue.path.length === 0 ? "the document" : issue.path.map(String).join(".");
  const why =
    issue.code === "invalid_type"
      ? `should be of type ${issue.expected}`
      : issue.code === "custom" || issue.message !== "Invalid input"
        ? issue.message
        : "is not allowed here";
  return `${where} ${why}`;
}

/** A map of strings to strings as a schema. */
export const stringMap = z.pipe(
  z.custom<Record<string, string>>(isStringMap, "should be an object of strings"),
  z.transform(withoutPrototype),
);

function isStringMap(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === "string")
  );
}

/** A map without a member, inherited ones included. */
export function emptyStringMap(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** A member called `__proto__` or `constructor` is data here and nothing else (case S65). */
function withoutPrototype(map: Record<string, string>): Record<string, string> {
  const plain = emptyStringMap();
  for (const [name, value] of Object.entries(map)) plain[name] = value;
  return plain;
}
