import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

// dist/libexec/tsman-oci: the OCI runtime as a program, which is Bun with the bytecode of ours in it
// (https://bun.com/docs/bundler/executables).  bin/tsman-oci takes it where it exists, which says that
// Bun is installed and runs on this processor.

/**
 * @param program a function expression that takes what a CommonJS module has (esbuild-functions.config.ts).
 * @returns why there is no such program now; missing: there is one.
 */
export async function compileForBun(root: string, program: string): Promise<string | undefined> {
  const target = join(root, "dist/libexec/tsman-oci");
  await mkdir(join(root, "dist/libexec"), { recursive: true });
  const places = ["x64", "aarch64"].map((cpu) => `node_modules/@oven/bun-linux-${cpu}/bin/bun`);
  const bun = places.map((place) => join(root, place)).find((place) => existsSync(place));
  const work = await mkdtemp(join(root, "dist/.bun-"));
  try {
    if (bun === undefined) throw new Error("Bun is not installed");
    // Its own paths would be those of a file system in the program.
    const dirname = 'process.execPath.slice(0,process.execPath.lastIndexOf("/"))';
    const call = `(${program})(module,exports,require,process.execPath,${dirname});\n`;
    await writeFile(join(work, "tsman-oci.cjs"), call);
    await promisify(execFile)(bun, ["build", ...options, "--outfile=tsman-oci", "tsman-oci.cjs"], {
      cwd: work,
      env: { ...process.env, BUN_OPTIONS: "" },
    });
    // Written anew: Bun writes in small pieces, and so they stay in memory (native/launch-oci.c).
    await writeFile(join(work, "whole"), await readFile(join(work, "tsman-oci")), { mode: 0o755 });
    await rename(join(work, "whole"), target);
    return undefined;
  } catch (error) {
    // A processor without AVX2, for one.
    await rm(target, { force: true });
    return error instanceof Error ? error.message : String(error);
  } finally {
    await rm(work, { recursive: true });
  }
}

const options = [
  "--compile",
  "--bytecode",
  "--format=cjs",
  "--target=bun",
  "--external=*",
  // Where somebody starts it, nothing is read (case S95).
  ...["dotenv", "bunfig", "tsconfig", "package-json"].map(
    (name) => `--no-compile-autoload-${name}`,
  ),
];
