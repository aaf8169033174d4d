import { spawn } from "node:child_process";
import { constants } from "node:os";

/** How {@link runToEnd} starts its program. */
export interface ChildOptions {
  readonly cwd: string;
  readonly env?: Record<string, string | undefined>;
  readonly signal: AbortSignal;
  /** Gets what the program prints, beside the terminal. */
  readonly onOutput?: (text: string) => void;
  /** Keeps what the program prints from the terminal. */
  readonly quiet?: boolean;
}

/**
 * Runs a program with our terminal and waits for its end; an abort ends its whole process group.
 *
 * @returns its exit status, 128 + n for a signal
 */
export async function runToEnd(
  file: string,
  args: readonly string[],
  { cwd, env, signal, onOutput, quiet = false }: ChildOptions,
): Promise<number> {
  signal.throwIfAborted();
  const child = spawn(file, args, {
    cwd,
    env: env ?? process.env,
    stdio: ["ignore", quiet ? "ignore" : onOutput === undefined ? "inherit" : "pipe", "inherit"],
    detached: true,
  });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    process.stdout.write(text);
    onOutput?.(text);
  });
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signalName) =>
        resolve(status ?? 128 + signalNumber(signalName)),
      );
    });
  } finally {
    signal.removeEventListener("abort", end);
  }
}

function signalNumber(name: NodeJS.Signals | null): number {
  return name === null ? 0 : (constants.signals[name] ?? 0);
}
