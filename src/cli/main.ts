import { readFileSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import process from "node:process";
import { resolvePaths } from "../config/paths.ts";
import { compileCached } from "./code-cache.ts";

// The entry of the command line: starts dist/cli/app.cjs, the bundle of ./app.ts, with the code that
// V8 compiled for the same command before.

const file = path.join(import.meta.dirname, "app.cjs");
/** The build makes it an ASCII function expression behind a comment with its hash. */
const source = readFileSync(file, "latin1");
const hash = /^\/\/([0-9a-f]{32})\n/.exec(source)?.[1];
const command = process.argv[2] ?? "";

function cacheDirectory(): string | undefined {
  // `system reset` leaves nothing, so no cache of its own either.
  if (process.argv.includes("reset")) return undefined;
  try {
    return resolvePaths().cacheDir;
  } catch {
    // No home, no cache: slower, and no reason to fail.
    return undefined;
  }
}

const app = compileCached({
  file,
  source,
  id: hash ?? "unknown",
  use: /^[a-z]{1,20}$/.test(command) ? command : "other",
  cacheDir: cacheDirectory(),
}) as (require: NodeJS.Require, filename: string, dirname: string) => void;
app(module.createRequire(file), file, path.dirname(file));
