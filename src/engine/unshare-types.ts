/** What `Tsman.unshare` takes. */
export interface UnshareOptions {
  /** Program, looked up in the PATH of `env`, and arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Descriptors that the program gets. */
  readonly stdio: readonly [stdin: number, stdout: number, stderr: number];
}

/** A program that runs in a user namespace of its own. */
export interface UnshareSession {
  /** Its status in the shell's convention: 128 + n for signal n, 126 and 127 if it cannot run. */
  readonly exited: Promise<{ readonly status: number }>;
  signal(n: number): void;
}
