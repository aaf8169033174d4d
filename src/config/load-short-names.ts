import { statSync } from "node:fs";
import path from "node:path";
import { defaultShortNames, type ShortNameRules } from "../oci/short-names.ts";
import { readCacheFile, writeCacheFile } from "../platform/cache-file.ts";
import { type ConfigFiles, findConfigFiles } from "./config-files.ts";
import type { TsmanPaths } from "./paths.ts";

/** What the cache holds: the rules, and of which files in which state they are. */
interface CachedRules {
  readonly of: string;
  readonly rules: ShortNameRules;
}

/** Another one for each change of {@link CachedRules}: what an older tsman wrote is read anew. */
const formatVersion = 1;

/**
 * The rules for short names alone, for commands that have an image at hand and ask no registry.
 * Without configuration files that costs a handful of system calls; with some, reading what an
 * earlier command has made of them, since loading a TOML parser takes longer than the rest of a
 * start.
 *
 * @throws TsmanError CONFIG_INVALID
 */
export async function loadShortNames(
  { cacheDir, configDir }: Pick<TsmanPaths, "cacheDir" | "configDir">,
  files: ConfigFiles = findConfigFiles(configDir),
): Promise<ShortNameRules> {
  const found = stateOf([...files.registries, files.own]);
  if (found === "" && !files.isNamed) return defaultShortNames;
  const state = `${formatVersion}\n${found}`;
  const cacheFile = path.join(cacheDir, "short-names.json");
  const cached = readCached(cacheFile);
  if (cached?.of === state) return cached.rules;
  const { readSettings } = await import("./settings.ts");
  const rules = readSettings(files).shortNames;
  writeCacheFile(cacheFile, Buffer.from(JSON.stringify({ of: state, rules })));
  return rules;
}

/** Another content has another text; a file that is not there has none. */
function stateOf(files: readonly string[]): string {
  const states = files.map((file) => {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
    return stat === undefined
      ? ""
      : `${file} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}\n`;
  });
  return states.join("");
}

/** Written by {@link loadShortNames} into a directory of the caller's alone; anything else is none. */
function readCached(file: string): CachedRules | undefined {
  const bytes = readCacheFile(file);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8")) as CachedRules;
  } catch {
    return undefined;
  }
}
