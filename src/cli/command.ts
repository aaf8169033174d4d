import type { Catalogue } from "./catalogue.ts";
import type { Engine } from "./engine.ts";
import type { GlobalValues } from "./global-options.ts";
import { globalOptions } from "./global-options.ts";
import type { FlagSpec, OptionTable, UnsupportedSpec } from "./option-spec.ts";
import { flag } from "./option-spec.ts";
import type { CallerEnvironment } from "./options/environment-variables.ts";
import type { Output } from "./output.ts";
import { type ParsedArguments, parseOptions } from "./parse-options.ts";
import type { Interruption } from "./session/interruption.ts";
import { usageError } from "./usage-error.ts";

/** What a command gets of the world; nothing else of the process is its business. */
export interface CommandContext {
  /** For `help`. */
  readonly catalogue: Catalogue;
  /** The whole command line without the program's name. */
  readonly argv: readonly string[];
  readonly stdout: Output;
  readonly stderr: Output;
  readonly cwd: string;
  readonly environment: CallerEnvironment;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Width of the caller's terminal. */
  readonly columns: () => number;
  /** Opens the engine with `--root` and `--runtime-dir`; the same one each time. */
  readonly openEngine: () => Promise<Engine>;
  /** From the first call on, Ctrl-C and SIGTERM abort it instead of ending the process. */
  readonly interruption: () => AbortSignal;
  /** The same, for who may never need the signal. */
  readonly listenForInterruption: () => Interruption;
}

/** How many positionals a command takes. */
export interface PositionalRule {
  readonly min: number;
  readonly max: number;
  /** What one of them is: `image`. */
  readonly noun: string;
}

/** One verb: how it is called and what it does. */
export interface CommandDefinition<T extends OptionTable> {
  /** Without `tsman`: `image ls`. */
  readonly name: string;
  /** After the name: `[OPTIONS] IMAGE [COMMAND [ARGUMENT…]]`. */
  readonly usage: string;
  readonly summary: string;
  /** Command lines that work as printed. */
  readonly examples?: readonly string[] | undefined;
  readonly options: T;
  readonly refused?: Readonly<Record<string, UnsupportedSpec>> | undefined;
  /** Options end at the first positional: the rest belongs to the container. */
  readonly stopAtPositional?: boolean | undefined;
  readonly positionals: PositionalRule;
  /** @returns the exit status. */
  readonly run: (parsed: ParsedArguments<T>, context: CommandContext) => Promise<number>;
}

/** A command as the dispatcher sees it. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options: OptionTable;
  /**
   * @param contextOf makes the context once the options are known.
   * @returns the exit status.
   * @throws TsmanError
   */
  readonly execute: (
    argv: readonly string[],
    contextOf: (values: GlobalValues) => CommandContext,
  ) => Promise<number>;
}

/** Makes a command of its definition: adds the options that all have, and checks positionals. */
export function defineCommand<const T extends OptionTable>(
  definition: CommandDefinition<T>,
): Command {
  const { name, usage, summary, refused, positionals: rule } = definition;
  const takesH = Object.values(definition.options).some((spec) => spec.char === "h");
  const help: FlagSpec = flag({ summary: "print this help", ...(takesH ? {} : { char: "h" }) });
  const common = { ...globalOptions, help };
  const command: Command = {
    name,
    usage,
    summary,
    examples: definition.examples ?? [],
    get options() {
      return { ...globalOptions, ...definition.options, help };
    },
    async execute(argv, contextOf) {
      const rules = {
        stopAtPositional: definition.stopAtPositional ?? false,
        command: `tsman ${name}`,
      };
      const parsed = await parseOptions(argv, definition.options, rules, refused, common);
      const values = parsed.values as unknown as GlobalValues & { readonly help: boolean };
      const context = contextOf(values);
      if (values.help) {
        const { commandHelp } = await import("./render/command-help.ts");
        context.stdout.write(commandHelp(command));
        return 0;
      }
      checkPositionals(parsed.positionals, rule, command);
      return await definition.run(parsed as unknown as ParsedArguments<T>, context);
    },
  };
  return command;
}

function checkPositionals(
  given: readonly string[],
  { min, max, noun }: PositionalRule,
  command: Command,
): void {
  const right = `write tsman ${command.name} ${command.usage}`;
  if (given.length < min) {
    throw usageError(
      `run tsman ${command.name}: ${min === 1 ? `the ${noun}` : `a ${noun}`} is missing`,
      right,
    );
  }
  if (given.length > max) {
    const extra = given.slice(max).map((text) => JSON.stringify(text));
    throw usageError(`run tsman ${command.name}: nothing is done with ${extra.join(", ")}`, right);
  }
}
