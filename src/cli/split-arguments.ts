import { nearest } from "../config/nearest.ts";
import type { OptionSpec, OptionTable } from "./option-spec.ts";
import { invalidValue, unsupported, usageError } from "./usage-error.ts";

/** One option as given, under its long name. */
export interface GivenOption {
  readonly name: string;
  /** A flag's truth, or an option's text. */
  readonly value: boolean | string;
}

/** The command line, taken apart. */
export interface SplitArguments {
  readonly options: readonly GivenOption[];
  readonly positionals: readonly string[];
}

/** Where options end besides `--`. */
export interface SplitRules {
  /** At the first positional: what follows belongs to the container. */
  readonly stopAtPositional: boolean;
  /** For the hint: `tsman run`. */
  readonly command: string;
}

/**
 * Takes arguments apart by the grammar that Podman's users know (Go's pflag): `--name value`,
 * `--name=value`, `-abc`, `-ovalue`, `-o=value`, `--flag=false`; an option that wants a value takes
 * whatever comes next, a leading `-` included.
 *
 * oclif's parser alone would not do: it goes on after the first positional, takes `--env -x` for two
 * options, and puts repeated positionals out of order.
 *
 * @param tables together the options that there are; of one name the last.
 * @throws TsmanError USAGE, OPTION_UNSUPPORTED
 */
export function splitArguments(
  argv: readonly string[],
  tables: readonly OptionTable[],
  rules: SplitRules,
): SplitArguments {
  const index = indexTables(tables);
  const options: GivenOption[] = [];
  const positionals: string[] = [];
  let position = 0;

  const takeNext = (shown: string, spec: OptionSpec): string => {
    const next = argv[position];
    if (next === undefined) {
      const metavar = "metavar" in spec ? ` ${spec.metavar}` : " VALUE";
      throw usageError(`parse ${shown}: its value is missing`, `write ${shown}${metavar}`);
    }
    position += 1;
    return next;
  };

  const long = (argument: string): void => {
    const equals = argument.indexOf("=");
    const typed = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
    const joined = equals < 0 ? undefined : argument.slice(equals + 1);
    const found = index.longs.get(typed);
    if (found === undefined) throw unknownLong(typed, index, rules);
    const { name, spec } = found;
    const shown = `--${name}`;
    switch (spec.kind) {
      case "unsupported": {
        if (spec.accepted === undefined) throw unsupported(shown, spec.reason, spec.hint);
        const value = joined ?? (spec.takesValue ? takeNext(shown, spec) : "true");
        if (spec.accepted.includes(value)) return;
        throw unsupported(`${shown}=${value}`, spec.reason, spec.hint);
      }
      case "flag":
        options.push({ name, value: joined === undefined ? true : truth(joined, shown) });
        return;
      case "value":
        options.push({ name, value: joined ?? spec.bare ?? takeNext(shown, spec) });
        return;
      case "list":
        options.push({ name, value: joined ?? takeNext(shown, spec) });
        return;
    }
  };

  const short = (argument: string): void => {
    for (let at = 1; at < argument.length; at += 1) {
      const char = argument[at] as string;
      const rest = argument.slice(at + 1);
      const found = index.chars.get(char);
      if (found === undefined) throw unknownShort(char, argument, rules);
      const { name, spec } = found;
      const shown = `-${char}`;
      if (spec.kind === "unsupported")
        throw unsupported(`${shown}, --${name}`, spec.reason, spec.hint);
      if (spec.kind === "flag") {
        if (rest.startsWith("=")) {
          options.push({ name, value: truth(rest.slice(1), shown) });
          return;
        }
        options.push({ name, value: true });
        continue;
      }
      if (rest === "") options.push({ name, value: takeNext(shown, spec) });
      else options.push({ name, value: rest.startsWith("=") ? rest.slice(1) : rest });
      return;
    }
  };

  while (position < argv.length) {
    const argument = argv[position] as string;
    position += 1;
    if (argument === "--") {
      positionals.push(...argv.slice(position));
      break;
    }
    if (argument.startsWith("--")) long(argument);
    else if (argument.startsWith("-") && argument !== "-") short(argument);
    else if (rules.stopAtPositional) {
      positionals.push(argument, ...argv.slice(position));
      break;
    } else positionals.push(argument);
  }
  return { options, positionals };
}

interface NamedOption {
  readonly name: string;
  readonly spec: OptionSpec;
}

interface OptionIndex {
  readonly longs: ReadonlyMap<string, NamedOption>;
  readonly chars: ReadonlyMap<string, NamedOption>;
}

function indexTables(tables: readonly OptionTable[]): OptionIndex {
  const longs = new Map<string, NamedOption>();
  const chars = new Map<string, NamedOption>();
  for (const table of tables) {
    for (const [name, spec] of Object.entries(table)) {
      const option = { name, spec };
      longs.set(name, option);
      for (const alias of spec.aliases ?? []) longs.set(alias, option);
      if (spec.char !== undefined) chars.set(spec.char, option);
    }
  }
  return { longs, chars };
}

const truths = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const falsehoods = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Go's strconv.ParseBool. */
function truth(text: string, option: string): boolean {
  if (truths.has(text)) return true;
  if (falsehoods.has(text)) return false;
  throw invalidValue(
    option,
    text,
    "neither true nor false",
    `write ${option}=true or ${option}=false`,
  );
}

function unknownLong(typed: string, index: OptionIndex, rules: SplitRules): Error {
  const positive = typed.startsWith("no-") ? index.longs.get(typed.slice(3)) : undefined;
  if (positive?.spec.kind === "flag") {
    return usageError(`unknown option --${typed}`, `write --${positive.name}=false`);
  }
  const near = nearest(typed, index.longs.keys());
  return usageError(
    `unknown option --${typed}`,
    near === undefined ? `see ${rules.command} --help` : `did you mean --${near}?`,
  );
}

function unknownShort(char: string, argument: string, rules: SplitRules): Error {
  const where = argument.length > 2 ? ` in ${argument}` : "";
  return usageError(`unknown option -${char}${where}`, `see ${rules.command} --help`);
}
