import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { cacheDirectory } from "../config/paths.ts";
import { compileCached } from "./code-cache.ts";
import { keepOwnFiles } from "./own-umask.ts";

/** What the build makes of each of them: a CommonJS module. */
type Program = (
  module: { exports: unknown },
  exports: unknown,
  require: (name: string) => unknown,
  filename: string,
  dirname: string,
) => void;

const directory = import.meta.dirname;

/**
 * Starts a program of the build, with the code that V8 compiled for the same use of it before.  What
 * `app.cjs` lacks, `rest.cjs` has (esbuild-halves.config.ts).
 *
 * @param use names the verb; a wrong guess costs time only.
 */
export function startProgram(entry: "./app.cjs" | "./oci-app.cjs", use: string): void {
  keepOwnFiles();
  const cacheDir = codeDirectory();
  const loaded = new Map<string, { exports: unknown }>();
  let build: string | undefined;
  // The halves know each other by these names; everything else is Node's to find.
  const requireHalf = (name: string): unknown => {
    if (name !== entry && name !== "./app.cjs" && name !== "./rest.cjs") return require(name);
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const file = path.join(directory, name);
    // An ASCII function expression behind a comment with the hash of all programs.
    const source = readFileSync(file, "latin1");
    const id = /^\/\/([0-9a-f]{32})\n/.exec(source)?.[1] ?? "unknown";
    build ??= id;
    if (id !== build) {
      throw new Error(`load ${file}: tsman was built again while this command ran; run it again`);
    }
    const module: { exports: unknown } = { exports: {} };
    loaded.set(name, module);
    const program = compileCached({
      file,
      source,
      id,
      use: name === entry ? use : `${use}.rest`,
      cacheDir,
    }) as Program;
    program(module, module.exports, requireHalf, file, directory);
    return module.exports;
  };
  requireHalf(entry);
}

function codeDirectory(): string | undefined {
  // `system reset` leaves nothing, so no cache of its own either.
  if (process.argv.includes("reset")) return undefined;
  try {
    return cacheDirectory();
  } catch {
    // No home, no cache: slower, and no reason to fail.
    return undefined;
  }
}
