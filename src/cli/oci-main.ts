import { readFileSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import process from "node:process";
import { resolvePaths } from "../config/paths.ts";
import { compileCached } from "./code-cache.ts";

// The entry of the OCI runtime: starts dist/cli/oci-app.cjs, the bundle of ./oci-app.ts, with the
// code that V8 compiled for the same verb before.

const file = path.join(import.meta.dirname, "oci-app.cjs");
const source = readFileSync(file, "latin1");

function cacheDirectory(): string | undefined {
  try {
    return resolvePaths().cacheDir;
  } catch {
    // No home, no cache: slower, and no reason to fail.
    return undefined;
  }
}

/** Probably the verb: a wrong guess costs time only. */
const verb = process.argv.slice(2).find((word) => /^[a-z]{2,8}$/.test(word) && word !== "json");
const app = compileCached({
  file,
  source,
  id: /^\/\/([0-9a-f]{32})\n/.exec(source)?.[1] ?? "unknown",
  use: `oci-${verb ?? "other"}`,
  cacheDir: cacheDirectory(),
}) as (require: NodeJS.Require, filename: string, dirname: string) => void;
app(module.createRequire(file), file, path.dirname(file));
