import { catalogue } from "../../../src/cli/command-table.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import type { Engine } from "../../../src/cli/engine.ts";
import type { Output } from "../../../src/cli/output.ts";

/** An output that remembers. */
export interface FakeOutput extends Output {
  text: string;
}

export function fakeOutput(isTerminal = false): FakeOutput {
  return {
    text: "",
    isTerminal,
    write(given) {
      this.text += typeof given === "string" ? given : Buffer.from(given).toString();
    },
  };
}

/** The moment at which all tests of commands take place. */
export const now = Date.UTC(2026, 0, 1, 12);

/** What a command line did. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line over an engine of which only the given parts exist. */
export async function run(
  argv: readonly string[],
  engine: { [K in keyof Engine]?: Partial<Engine[K]> } = {},
  options: { readonly isTerminal?: boolean } = {},
): Promise<Ran> {
  const stdout = fakeOutput(options.isTerminal);
  const stderr = fakeOutput(options.isTerminal);
  const status = await dispatch({
    argv,
    catalogue,
    stdout,
    stderr,
    cwd: "/work",
    environment: { FROM: "caller" },
    now: () => now,
    columns: () => 80,
    openEngine: async () => engine as Engine,
  });
  return { status, stdout: stdout.text, stderr: stderr.text };
}
