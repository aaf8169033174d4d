import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll } from "vitest";
import { fromDriver } from "../support/must-work.ts";
import { commandLineOf, findProcesses, statusOf } from "../support/proc.ts";
import { startOnTerminal, type TerminalOptions, type TerminalSession } from "../support/pty.ts";
import { removeTree } from "../support/subordinate-ids.ts";
import { Transcript, within } from "../support/wait.ts";

/** The checkout under test. */
export const projectRoot = join(import.meta.dirname, "../..");

/** The real launcher: what a user starts. */
export const tsmanPath = join(projectRoot, "bin/tsman");

/** host:port of the docker-registry that test/run.ts has started and filled with the recipes. */
export function registry(): string {
  const address = fromDriver("TSMAN_TEST_REGISTRY", "start the tests with: npm test");
  if (address === undefined) throw new Error("TSMAN_TEST_REGISTRY is not set: run npm test");
  return address;
}

/** What a run of tsman takes. */
export interface TsmanOptions {
  /** Standard input; empty if missing. */
  readonly input?: string | Uint8Array;
  /** Over the environment of the store. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Another installation's launcher. */
  readonly program?: string;
  /** Milliseconds until SIGKILL and an error (100 000). */
  readonly timeout?: number;
}

/** How a run of tsman ended. */
export interface TsmanResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
}

/** A tsman that runs. */
export interface TsmanProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  write(input: string | Uint8Array): void;
  endInput(): void;
  /** Resolves at the end, with all output. */
  readonly ended: Promise<TsmanResult>;
}

/** Only what a login would give, and nothing of the test runner's (NODE_OPTIONS, VITEST_*). */
function baseEnvironment(): Record<string, string | undefined> {
  const kept = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "XDG_RUNTIME_DIR", "TSMAN_NODE"];
  return Object.fromEntries(kept.map((name) => [name, process.env[name]]));
}

/** A data directory and a runtime directory of its own, in which tsman runs. */
export class TestStore implements AsyncDisposable {
  /** TSMAN_ROOT */
  readonly root: string;
  /** TSMAN_RUNTIME_DIR */
  readonly runtimeDir: string;
  readonly #base: string;

  private constructor(base: string) {
    this.#base = base;
    this.root = join(base, "data");
    this.runtimeDir = join(base, "run");
  }

  /** Makes the directories; short names, since a socket's path holds 107 bytes (unix(7)). */
  static async create(): Promise<TestStore> {
    return new TestStore(await mkdtemp(join(tmpdir(), "ts-")));
  }

  /** A directory that goes with the store, for the test's own files. */
  get scratch(): string {
    return this.#base;
  }

  /** XDG_CONFIG_HOME: what the test's user has configured counts for none of its tsman. */
  get configHome(): string {
    return join(this.#base, "config");
  }

  /** Writes config.toml. */
  configure(...lines: readonly string[]): void {
    mkdirSync(join(this.configHome, "tsman"), { recursive: true });
    writeFileSync(join(this.configHome, "tsman/config.toml"), `${lines.join("\n")}\n`);
  }

  /** The environment that tsman is started with. */
  environment(extra: TsmanOptions["env"] = {}): Record<string, string | undefined> {
    return {
      ...baseEnvironment(),
      TSMAN_ROOT: this.root,
      TSMAN_RUNTIME_DIR: this.runtimeDir,
      XDG_CONFIG_HOME: this.configHome,
      ...extra,
    };
  }

  /** What a test that failed has left running; its end is not what is tested. */
  #killContainers(): void {
    if (!existsSync(this.runtimeDir)) return;
    for (const id of readdirSync(this.runtimeDir)) {
      const isIts = (pid: number) =>
        commandLineOf(pid).join(" ").includes(id) && statusOf(pid).Name === "tsman-monitor";
      for (const pid of findProcesses(isIts)) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended meanwhile.
        }
      }
    }
  }

  /** Runs `tsman ARGS` to its end. */
  async run(args: readonly string[], options: TsmanOptions = {}): Promise<TsmanResult> {
    const started = this.start(args, options);
    if (options.input !== undefined) started.write(options.input);
    started.endInput();
    try {
      const timeout = options.timeout ?? 100_000;
      return await within(timeout, `tsman ${args.join(" ")} to end`, started.ended);
    } catch (error) {
      started.child.kill("SIGKILL");
      throw new Error(`${(error as Error).message}; it said: ${started.stderr.text}`, {
        cause: error,
      });
    }
  }

  /** Like {@link run}, but anything except status 0 is an error that quotes stderr. */
  async succeed(args: readonly string[], options: TsmanOptions = {}): Promise<TsmanResult> {
    const result = await this.run(args, options);
    if (result.status === 0) return result;
    const how = result.signal ?? `status ${result.status}`;
    throw new Error(`tsman ${args.join(" ")} ended with ${how}: ${result.stderr}`);
  }

  /** Starts `tsman ARGS`; standard input stays open until `endInput`. */
  start(args: readonly string[], options: TsmanOptions = {}): TsmanProcess {
    const child = spawn(options.program ?? tsmanPath, args, {
      cwd: options.cwd ?? this.#base,
      env: this.environment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const stdout = new Transcript(child.stdout);
    const stderr = new Transcript(child.stderr);
    child.stdin.on("error", () => {
      // tsman need not read its input to the end.
    });
    const ended = new Promise<TsmanResult>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => {
        resolve({
          status,
          signal,
          stdout: stdout.text,
          stderr: stderr.text,
          stdoutBytes: stdout.bytes,
        });
      });
    });
    return {
      child,
      pid: child.pid ?? 0,
      stdout,
      stderr,
      write: (input) => void child.stdin.write(input),
      endInput: () => void child.stdin.end(),
      ended,
    };
  }

  /** Starts `tsman ARGS` on a terminal of its own. */
  terminal(args: readonly string[], options: Partial<TerminalOptions> = {}): TerminalSession {
    return startOnTerminal(tsmanPath, args, {
      cwd: this.#base,
      ...options,
      env: this.environment(options.env),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killContainers();
    await removeTree(this.#base);
  }
}

/** As though that driver of root file systems were the one that has worked in this store. */
export function useDriver(of: TestStore, driver: string): void {
  using database = new DatabaseSync(join(of.root, "store.db"));
  database
    .prepare("INSERT OR REPLACE INTO settings (name, value) VALUES ('rootfs-driver', ?)")
    .run(driver);
}

/**
 * One store for all tests of a file, made before the first and removed after the last.
 *
 *     const store = useStore();
 *     it("…", async () => { await store().succeed(["pull", …]); });
 */
export function useStore(): () => TestStore {
  let store: TestStore | undefined;
  beforeAll(async () => {
    store = await TestStore.create();
  });
  afterAll(async () => {
    await store?.[Symbol.asyncDispose]();
  });
  return () => {
    if (store === undefined) throw new Error("the store exists only while tests run");
    return store;
  };
}

/** Runs `tsman ARGS` in a store that exists for this run only. */
export async function runTsman(
  args: readonly string[],
  options: TsmanOptions = {},
): Promise<TsmanResult> {
  await using store = await TestStore.create();
  return await store.run(args, options);
}
