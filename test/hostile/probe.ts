import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Compiles probes/NAME.c and returns the static program, for what no shell can try.
 *
 * @throws Error with the compiler's words
 */
export function compileProbe(name: string, ...options: readonly string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "probe-"));
  try {
    const source = join(import.meta.dirname, "probes", `${name}.c`);
    const program = join(directory, name);
    const how = options.length === 0 ? ["-static"] : options;
    const { status, stderr } = spawnSync("cc", ["-O1", ...how, "-o", program, source], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`cc ${source}: ${stderr}`);
    return readFileSync(program);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
