import path from "node:path";
import { runProgram } from "../../platform/process.ts";

/**
 * The line of `PROGRAM --version` that begins with the program's name, or else the first;
 * undefined when it cannot be asked.  fuse-overlayfs names fusermount3 and its version first.
 */
export async function programVersion(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await runProgram(program, ["--version"], { timeoutMs: 5000 });
    const lines = stdout.toString("utf8").split("\n");
    const own = lines.find((line) => line.startsWith(path.basename(program)));
    return (own ?? lines[0])?.trim();
  } catch {
    return undefined;
  }
}
