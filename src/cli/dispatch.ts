import { toTsmanError } from "../errors/index.ts";
import type { Catalogue } from "./catalogue.ts";
import type { CommandContext } from "./command.ts";
import { explainLostDirectory } from "./current-directory.ts";
import type { Engine } from "./engine.ts";
import { findCommand } from "./find-command.ts";
import type { GlobalValues } from "./global-options.ts";
import type { Output } from "./output.ts";
import { errorText } from "./render/error.ts";
import { type Interruption, listenForInterruption } from "./session/interruption.ts";

/** What the process hands to the dispatcher. */
export interface DispatchInput {
  readonly argv: readonly string[];
  readonly catalogue: Catalogue;
  readonly stdout: Output;
  readonly stderr: Output;
  /** "" when it was removed. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly columns: () => number;
  readonly openEngine: (values: GlobalValues) => Promise<Engine>;
}

/**
 * Runs one command line: finds the command, loads it, and says on stderr what went wrong.
 *
 * @returns the exit status.
 */
export async function dispatch(input: DispatchInput): Promise<number> {
  let isDebug = false;
  let interruption: Interruption | undefined;
  using stack = new DisposableStack();
  const interrupt = (): Interruption => {
    interruption ??= stack.use(listenForInterruption());
    return interruption;
  };
  try {
    return await run(input, interrupt, (values) => {
      isDebug ||= values["log-level"] === "debug";
    });
  } catch (thrown) {
    const error = toTsmanError(explainLostDirectory(thrown), "tsman");
    isDebug ||= input.argv.includes("--log-level=debug");
    input.stderr.write(errorText(error, { isTerminal: input.stderr.isTerminal, isDebug }));
    // Whichever step noticed it, and however it says so.
    const interrupted = error.code === "INTERRUPTED" ? interruption?.exitStatus() : undefined;
    return interrupted ?? error.exitStatus;
  }
}

async function run(
  input: DispatchInput,
  interrupt: () => Interruption,
  onGlobals: (values: GlobalValues) => void,
): Promise<number> {
  let top: GlobalValues = { "log-level": undefined, root: undefined, "runtime-dir": undefined };
  let { argv, stdout } = input;
  if (argv[0]?.startsWith("-") === true) {
    const { readLeadingOptions } = await import("./leading-options.ts");
    const leading = await readLeadingOptions(argv);
    top = leading.globals;
    onGlobals(top);
    argv = leading.argv;
    stdout = leading.stdout ?? stdout;
  }
  if (argv.length === 0) argv = ["help"];
  const { catalogue } = input;
  const found =
    findCommand(argv, catalogue) ?? findCommand(["help", ...argv.slice(0, 1)], catalogue);
  if (found === undefined) return 0;
  const command = await found.entry.load();
  return await command.execute(found.rest, (values) => {
    const globals: GlobalValues = {
      "log-level": values["log-level"] ?? top["log-level"],
      root: values.root ?? top.root,
      "runtime-dir": values["runtime-dir"] ?? top["runtime-dir"],
    };
    onGlobals(globals);
    return contextOf({ ...input, stdout }, globals, interrupt);
  });
}

function contextOf(
  input: DispatchInput,
  globals: GlobalValues,
  interrupt: () => Interruption,
): CommandContext {
  let engine: Promise<Engine> | undefined;
  return {
    catalogue: input.catalogue,
    argv: input.argv,
    stdout: input.stdout,
    stderr: input.stderr,
    cwd: input.cwd,
    environment: input.environment,
    now: input.now,
    columns: input.columns,
    openEngine: () => {
      engine ??= input.openEngine(globals);
      return engine;
    },
    interruption: () => interrupt().signal,
    listenForInterruption: interrupt,
  };
}
