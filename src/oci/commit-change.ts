import { TsmanError } from "../errors/index.ts";

/** The `config` member of an image config as JSON, with whatever else it holds. */
export type WireExecution = Record<string, unknown>;

const shell = ["/bin/sh", "-c"];

/**
 * Applies an instruction of a Containerfile to an image's configuration: `CMD ["sh"]`, `ENV A=b`;
 * also in Podman's form with `=` after the instruction, `CMD=sh`.
 *
 * @throws TsmanError USAGE for what is no instruction that changes a configuration
 */
export function applyChange(config: WireExecution, change: string): WireExecution {
  const match = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)([\s\S]*\S|)\s*$/.exec(change);
  const instruction = match?.[1]?.toUpperCase() ?? "";
  const rest = match?.[2] ?? "";
  const apply = instructions[instruction];
  const isEmpty = rest === "" && !mayBeEmpty.has(instruction);
  if (match === null || apply === undefined || isEmpty) {
    throw refused(change, "not an instruction that changes an image's configuration");
  }
  return { ...config, ...apply(config, rest, change) };
}

/** Without a value they take the image's away. */
const mayBeEmpty: ReadonlySet<string> = new Set(["CMD", "ENTRYPOINT"]);

type Instruction = (config: WireExecution, rest: string, change: string) => WireExecution;

const instructions: Readonly<Record<string, Instruction>> = {
  CMD: (_config, rest) => ({ Cmd: commandOf(rest) }),
  ENTRYPOINT: (_config, rest) => ({ Entrypoint: commandOf(rest) }),
  ENV: (config, rest, change) => ({ Env: withEnvironment(config.Env, pairsOf(rest, change)) }),
  EXPOSE: (config, rest, change) => ({
    ExposedPorts: { ...objectOf(config.ExposedPorts), ...portsOf(rest, change) },
  }),
  LABEL: (config, rest, change) => ({
    Labels: { ...objectOf(config.Labels), ...Object.fromEntries(pairsOf(rest, change)) },
  }),
  ONBUILD: (config, rest) => ({ OnBuild: [...listOf(config.OnBuild), rest] }),
  STOPSIGNAL: (_config, rest) => ({ StopSignal: rest }),
  USER: (_config, rest) => ({ User: rest }),
  VOLUME: (config, rest) => ({
    Volumes: { ...objectOf(config.Volumes), ...emptyObjects(jsonList(rest) ?? wordsOf(rest)) },
  }),
  WORKDIR: (config, rest) => ({ WorkingDir: workdirOf(config.WorkingDir, rest) }),
};

/** The exec form, else the shell form. */
function commandOf(rest: string): readonly string[] | null {
  if (rest === "") return null;
  return jsonList(rest) ?? [...shell, rest];
}

function jsonList(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => typeof each === "string")
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

/** `A=b "C=d e"`, or the old form `A b c`. */
function pairsOf(rest: string, change: string): [string, string][] {
  const words = wordsOf(rest);
  if (words.every((word) => word.indexOf("=") > 0)) {
    return words.map((word) => [
      word.slice(0, word.indexOf("=")),
      word.slice(word.indexOf("=") + 1),
    ]);
  }
  const match = /^(\S+)\s+([\s\S]+)$/.exec(rest);
  if (match === null || match[1]?.includes("=") === true) {
    throw refused(change, "neither NAME=VALUE nor NAME VALUE");
  }
  return [[match[1] ?? "", match[2] ?? ""]];
}

/** Words with quotes and backslashes, as a Containerfile has them. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(
    /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*'|["'\\])+/g,
  )) {
    words.push(
      word.replace(
        /\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g,
        (_all, escaped?: string, quoted?: string, literal?: string) =>
          escaped ?? quoted?.replace(/\\(["\\$])/g, "$1") ?? literal ?? "",
      ),
    );
  }
  return words;
}

function portsOf(rest: string, change: string): Record<string, object> {
  const ports = wordsOf(rest).map((word) => {
    if (!/^\d{1,5}(?:-\d{1,5})?(?:\/(?:tcp|udp|sctp))?$/.test(word)) {
      throw refused(change, `${JSON.stringify(word)} is not PORT or PORT/PROTOCOL`);
    }
    return word.includes("/") ? word : `${word}/tcp`;
  });
  return emptyObjects(ports);
}

function workdirOf(before: unknown, rest: string): string {
  if (rest.startsWith("/")) return rest;
  const base = typeof before === "string" && before !== "" ? before : "/";
  return `${base.replace(/\/$/, "")}/${rest}`;
}

/** Variables by name: a new value takes the place of the old one. */
export function withEnvironment(
  before: unknown,
  pairs: readonly (readonly [name: string, value: string])[],
): string[] {
  const variables = new Map<string, string>();
  for (const entry of listOf(before)) variables.set(entry.split("=", 1)[0] ?? "", entry);
  for (const [name, value] of pairs) variables.set(name, `${name}=${value}`);
  return [...variables.values()];
}

function emptyObjects(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function refused(change: string, why: string): TsmanError {
  return new TsmanError("USAGE", `use --change ${JSON.stringify(change)}: ${why}`, {
    hint: `write one of ${Object.keys(instructions).join(", ")} with its value: CMD ["sh", "-l"]`,
  });
}
