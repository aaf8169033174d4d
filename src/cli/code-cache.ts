import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import vm from "node:vm";
import { readCacheFile, writeCacheFile } from "../platform/cache-file.ts";
import { makeDirectory } from "../platform/make-directory.ts";

/** How often a command's cache is written: what several runs of it have used is in there then. */
const generations = 3;

/** What {@link compileCached} takes. */
export interface CachedProgram {
  /** Where the source comes from, for stack traces. */
  readonly file: string;
  /** A function expression. */
  readonly source: string;
  /** Names the source: another text has another id.  V8 itself compares no more than lengths. */
  readonly id: string;
  /** Which of a program's caches: each holds the functions that this use of it needs. */
  readonly use: string;
  /** The user's cache directory; missing: none. */
  readonly cacheDir: string | undefined;
}

/**
 * Evaluates a function expression, with the bytecode that earlier processes have left behind.
 *
 * Node's own compile cache is written right after the compilation and so lacks whatever V8 compiles
 * at its first call, which is nearly everything; this one is written when a process ends well.
 */
export function compileCached(program: CachedProgram): unknown {
  const { source, file: filename, cacheDir, id, use } = program;
  const file = cacheDir === undefined ? undefined : path.join(cacheDir, "code", id, use);
  const cache = file === undefined ? undefined : readCache(file);
  const script = new vm.Script(source, {
    filename,
    ...(cache !== undefined && { cachedData: cache.code }),
  });
  const generation =
    cache !== undefined && script.cachedDataRejected === false ? cache.generation : 0;
  if (file !== undefined && generation < generations) {
    process.on("exit", (status) => {
      if (status === 0) writeCache(file, script.createCachedData(), generation + 1);
    });
  }
  return script.runInThisContext();
}

/** The last byte of a file is its generation. */
function readCache(
  file: string,
): { readonly code: Buffer; readonly generation: number } | undefined {
  const bytes = readCacheFile(file);
  if (bytes === undefined) return undefined;
  return { code: bytes.subarray(0, -1), generation: bytes.at(-1) ?? 0 };
}

function writeCache(file: string, code: Buffer, generation: number): void {
  try {
    makeBuildDirectory(path.dirname(file));
  } catch {
    return;
  }
  writeCacheFile(file, Buffer.concat([code, Buffer.of(generation)]));
}

/** The first cache of a new build takes the place of those of the build before. */
function makeBuildDirectory(directory: string): void {
  if (makeDirectory(directory) === undefined) return;
  const parent = path.dirname(directory);
  for (const name of readdirSync(parent)) {
    if (name !== path.basename(directory)) rmSync(path.join(parent, name), { recursive: true });
  }
}
