import { invalidValue } from "../usage-error.ts";

/** `KEY=VALUE`; a missing value is the empty string. */
export function parseKeyValue(text: string, option: string): readonly [string, string] {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key !== "") return [key, equals < 0 ? "" : text.slice(equals + 1)];
  throw invalidValue(option, text, "the key is missing", "write KEY=VALUE");
}

/** `--sysctl KEY=VALUE`; dots or slashes separate the parts of a key, sysctl(8). */
export function parseSysctl(text: string, option: string): readonly [string, string] {
  const [key, value] = parseKeyValue(text, option);
  if (!text.includes("="))
    throw invalidValue(option, text, "the value is missing", "write KEY=VALUE");
  const dotted = key.replaceAll("/", ".");
  if (!/^[a-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/.test(dotted)) {
    throw invalidValue(
      option,
      text,
      `${JSON.stringify(key)} is no sysctl`,
      "write it like net.ipv4.ip_forward=1",
    );
  }
  return [dotted, value];
}

/** The lines of a `--label-file`: KEY=VALUE, `#` begins a comment line. */
export function parseLabelLines(
  content: string,
  option: string,
): readonly (readonly [string, string])[] {
  return content
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => parseKeyValue(line, option));
}
