import { usageError } from "../usage-error.ts";

// The command line of OCI runtimes is small and others type it: no parser that costs its callers
// a millisecond is needed.

/** An option of a verb, or one of all. */
export interface OciOption {
  /** `list`: may be repeated. */
  readonly kind: "flag" | "value" | "list";
  readonly char?: string;
  /** One line, for `--help`. */
  readonly summary: string;
  /** For `--help`: what stands for its value. */
  readonly value?: string;
}

/** Options by their names, without dashes. */
export type OciOptions = Readonly<Record<string, OciOption>>;

/** What was given. */
export class OciArguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  /** Whether a flag was given. */
  has(name: string): boolean {
    return this.#values.get(name)?.at(-1) === "true";
  }

  /** The last value of an option; undefined without one, and for an empty one. */
  get(name: string): string | undefined {
    const value = this.#values.get(name)?.at(-1);
    return value === "" ? undefined : value;
  }

  /** All values of an option. */
  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /**
   * The value of an option as a number that counts something.
   *
   * @throws TsmanError USAGE
   */
  count(name: string): number {
    const text = this.get(name) ?? "0";
    if (/^\d{1,3}$/.test(text)) return Number(text);
    throw usageError(`use --${name} ${text}: not a number from 0 to 999`, "write a small number");
  }
}

/**
 * Takes a command line apart as getopt_long(3) does, and Go's cli: `--name VALUE`, `--name=VALUE`,
 * `-n VALUE`, `-nVALUE`, flags also with `=true` and `=false`.
 *
 * @param stopAt how many positionals there are before all the rest are; the options of a program in
 * the container are its own.
 * @throws TsmanError USAGE
 */
export function parseOciArguments(
  argv: readonly string[],
  options: OciOptions,
  stopAt: number,
): OciArguments {
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  const add = (name: string, value: string): void => {
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (word === "--" || positionals.length >= stopAt || !/^-./.test(word)) {
      const isEnd = word === "--" && positionals.length < stopAt;
      if (isEnd || positionals.length >= stopAt) {
        positionals.push(...argv.slice(isEnd ? index + 1 : index));
        break;
      }
      positionals.push(word);
      continue;
    }
    const { name, option, attached } = findOption(word, options);
    if (option.kind === "flag") {
      add(name, flagValue(word, attached));
    } else if (attached !== undefined) {
      add(name, attached);
    } else {
      index += 1;
      const value = argv[index];
      if (value === undefined) {
        throw usageError(`use ${word}: its value is missing`, `write ${word} VALUE`);
      }
      add(name, value);
    }
  }
  return new OciArguments(positionals, values);
}

function flagValue(word: string, attached: string | undefined): string {
  if (attached === undefined || attached === "true" || attached === "1") return "true";
  if (attached === "false" || attached === "0") return "false";
  throw usageError(`use ${word}: a flag is true or false`, "leave the value out");
}

interface FoundOption {
  readonly name: string;
  readonly option: OciOption;
  readonly attached: string | undefined;
}

function findOption(word: string, options: OciOptions): FoundOption {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option !== undefined) {
      return { name, option, attached: equals < 0 ? undefined : word.slice(equals + 1) };
    }
  } else {
    const found = Object.entries(options).find(([, { char }]) => char === word[1]);
    const rest = word.slice(2);
    if (found !== undefined && (rest === "" || found[1].kind !== "flag")) {
      const attached = rest === "" ? undefined : rest.replace(/^=/, "");
      return { name: found[0], option: found[1], attached };
    }
  }
  throw usageError(`use ${word}: there is no such option`, "see tsman-oci COMMAND --help");
}
