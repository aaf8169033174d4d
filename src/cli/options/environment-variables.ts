import { invalidValue } from "../usage-error.ts";

/** The caller's environment. */
export type CallerEnvironment = Readonly<Record<string, string | undefined>>;

export type Variable = readonly [name: string, value: string];

/**
 * `--env`: `NAME=VALUE`, `NAME` (the caller's value, nothing if it has none), `PREFIX*` (all of the
 * caller's that begin so).
 */
export function parseEnvironmentVariable(
  text: string,
  option: string,
  caller: CallerEnvironment,
): readonly Variable[] {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === "") {
    throw invalidValue(
      option,
      text,
      "the name is missing",
      "write NAME=VALUE, or NAME to pass on your own value",
    );
  }
  if (text.includes("\0")) throw invalidValue(option, text, "a NUL byte", "remove it");
  if (equals >= 0) return [[name, text.slice(equals + 1)]];
  if (name.endsWith("*")) {
    const prefix = name.slice(0, -1);
    return Object.entries(caller).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[0].startsWith(prefix),
    );
  }
  const value = caller[name];
  return value === undefined ? [] : [[name, value]];
}

/**
 * The lines of an `--env-file`: as `--env`, values verbatim to the end of the line (no quotes, no
 * expansion); empty lines and lines that begin with `#` count for nothing.
 */
export function parseEnvironmentFile(
  content: string,
  path: string,
  option: string,
  caller: CallerEnvironment,
): readonly Variable[] {
  return content.split("\n").flatMap((raw, index) => {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) return [];
    const name = line.split("=", 1)[0] as string;
    if (name === "" || /\s/.test(name)) {
      throw invalidValue(
        option,
        path,
        `line ${index + 1}: ${name === "" ? "the name is missing" : `white space in the name ${JSON.stringify(name)}`}`,
        "write NAME=VALUE on each line",
      );
    }
    return parseEnvironmentVariable(line, option, caller);
  });
}
