import { parse as oclifParse } from "@oclif/core/parser";
import { toTsmanError } from "../errors/index.ts";
import type { OptionTable, OptionValues, UnsupportedSpec } from "./option-spec.ts";
import { type SplitRules, splitArguments } from "./split-arguments.ts";

/** A command line after parsing. */
export interface ParsedArguments<T extends OptionTable> {
  readonly values: OptionValues<T>;
  readonly positionals: readonly string[];
  /** Whether the option was written, as opposed to being at its default. */
  readonly given: ReadonlySet<string>;
}

/**
 * Parses a command's arguments: {@link splitArguments} settles the grammar, oclif's parser fills the
 * flags, the table's own parsers give the values.
 *
 * @param refused options that exist elsewhere: given, they end in their reason.
 * @param common options of all commands; apart, since to copy a large table takes its time.
 * @throws TsmanError USAGE, OPTION_UNSUPPORTED
 */
export async function parseOptions<T extends OptionTable>(
  argv: readonly string[],
  table: T,
  rules: SplitRules,
  refused: Readonly<Record<string, UnsupportedSpec>> = {},
  common: OptionTable = {},
): Promise<ParsedArguments<T>> {
  const split = splitArguments(argv, [refused, common, table], rules);
  const lastValue = new Map<string, string>();
  const tokens: string[] = [];
  for (const { name, value } of split.options) {
    if (typeof value === "boolean") tokens.push(value ? `--${name}` : `--no-${name}`);
    else if ((table[name] ?? common[name])?.kind === "list") tokens.push(guarded(name, value));
    else lastValue.set(name, guarded(name, value));
  }
  tokens.push(...lastValue.values());
  const given = new Set(split.options.map(({ name }) => name));
  const { flags } = await fillFlags(tokens, [common, table], given);
  const values: Record<string, unknown> = {};
  for (const some of [common, table]) convert(flags, some, values);
  return { values: values as OptionValues<T>, positionals: split.positionals, given };
}

/** oclif would take a value that looks like one of the options for that option: `=` guards it. */
function guarded(name: string, value: string): string {
  return `--${name}==${value}`;
}

type OclifInput = NonNullable<Parameters<typeof oclifParse>[1]>;
type OclifFlags = NonNullable<OclifInput["flags"]>;

async function fillFlags(
  tokens: string[],
  tables: readonly OptionTable[],
  given: ReadonlySet<string>,
): Promise<{ flags: Record<string, unknown> }> {
  // Flags that nobody gave would cost oclif a few milliseconds each time.
  const used = Object.fromEntries(
    [...given].flatMap((name) => {
      const spec = tables.findLast((table) => Object.hasOwn(table, name))?.[name];
      return spec === undefined ? [] : [[name, spec]];
    }),
  );
  try {
    return await oclifParse(tokens, { flags: oclifFlags(used), args: {}, strict: true });
  } catch (error) {
    throw toTsmanError(error, "parse the command line");
  }
}

/** The table as oclif's flag definitions. */
export function oclifFlags(table: OptionTable): OclifFlags {
  const flags: Record<string, object> = {};
  for (const [name, spec] of Object.entries(table)) {
    if (spec.kind === "unsupported") continue;
    const shared = { name, char: spec.char, summary: spec.summary };
    flags[name] =
      spec.kind === "flag"
        ? { ...shared, type: "boolean", allowNo: true, parse: async (given: boolean) => given }
        : {
            ...shared,
            type: "option",
            helpValue: spec.metavar,
            multiple: spec.kind === "list",
            multipleNonGreedy: true,
            parse: async (given: string) => given.slice(1),
          };
  }
  return flags as OclifFlags;
}

/** Into `values`, which later tables have the last word in. */
function convert(
  flags: Readonly<Record<string, unknown>>,
  table: OptionTable,
  values: Record<string, unknown>,
): void {
  for (const [name, spec] of Object.entries(table)) {
    const raw = flags[name];
    switch (spec.kind) {
      case "flag":
        values[name] = raw ?? spec.default ?? false;
        break;
      case "value":
        values[name] = typeof raw === "string" ? spec.parse(raw, `--${name}`) : undefined;
        break;
      case "list":
        values[name] = Array.isArray(raw)
          ? raw.map((item) => spec.parse(String(item), `--${name}`))
          : [];
        break;
      case "unsupported":
        break;
    }
  }
}
