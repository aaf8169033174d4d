import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import vm from "node:vm";

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
  try {
    const stat = statSync(file);
    // Code that others could have written is not run.
    if (stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) return undefined;
    const bytes = readFileSync(file);
    return { code: bytes.subarray(0, -1), generation: bytes.at(-1) ?? 0 };
  } catch {
    return undefined;
  }
}

/** A convenience: a cache that cannot be written costs time, and is no reason to fail. */
function writeCache(file: string, code: Buffer, generation: number): void {
  const temporary = `${file}.${process.pid}`;
  try {
    makeDirectory(path.dirname(file));
    writeFileSync(temporary, Buffer.concat([code, Buffer.of(generation)]), {
      mode: 0o600,
      flag: "wx",
    });
    renameSync(temporary, file);
  } catch {
    discard(temporary);
  }
}

function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Its directory could not be made.
  }
}

/** The first cache of a new build takes the place of those of the build before. */
function makeDirectory(directory: string): void {
  if (mkdirSync(directory, { recursive: true, mode: 0o700 }) === undefined) return;
  const parent = path.dirname(directory);
  for (const name of readdirSync(parent)) {
    if (name !== path.basename(directory)) rmSync(path.join(parent, name), { recursive: true });
  }
}
