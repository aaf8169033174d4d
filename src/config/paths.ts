import { lstatSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { isNetworkFilesystem } from "../platform/filesystem-type.ts";
import { environmentVariable } from "./environment.ts";

/** The directories that tsman uses; all absolute, all the invoking user's own. */
export interface TsmanPaths {
  /** Images, layers, containers: survives a reboot. */
  readonly root: string;
  /** Process ids, sockets: volatile. */
  readonly runtimeDir: string;
  /** Compiled code and filters: may be deleted at any time. */
  readonly cacheDir: string;
  /** auth.json, config.toml. */
  readonly configDir: string;
  /** Where the store would be, were that not on a network file system. */
  readonly unusedRoot?: string | undefined;
}

/** What a caller may override; the command line passes `--root` and `--runtime-dir`. */
export interface PathOverrides {
  readonly root?: string | undefined;
  readonly runtimeDir?: string | undefined;
}

/**
 * Resolves tsman's directories: override, then TSMAN_ROOT / TSMAN_RUNTIME_DIR, then the XDG base
 * directories.  A `$XDG_RUNTIME_DIR` that is missing or not ours (su, cron, a container) is not an
 * error: `~/.local/state/tsman/run` serves as well, since liveness is proved by pid, start time
 * and boot id rather than by the directory being volatile.
 *
 * What nobody has chosen and would be on a network file system is in /var/tmp instead.
 */
export function resolvePaths(
  overrides: PathOverrides = {},
  isNetwork: (directory: string) => boolean = isNetworkFilesystem,
): TsmanPaths {
  const home = homeDirectory();
  const usualRoot = path.join(xdg("XDG_DATA_HOME") ?? path.join(home, ".local/share"), "tsman");
  const chosenRoot = overrides.root ?? environmentVariable("TSMAN_ROOT");
  const isMoved = chosenRoot === undefined && isNetwork(usualRoot);
  const root = chosenRoot ?? (isMoved ? localDirectory("tsman") : usualRoot);
  const configDir = path.join(xdg("XDG_CONFIG_HOME") ?? path.join(home, ".config"), "tsman");
  const runtimeDir =
    overrides.runtimeDir ??
    environmentVariable("TSMAN_RUNTIME_DIR") ??
    usableRuntimeDir("tsman") ??
    runtimeDirOfHome(xdg("XDG_STATE_HOME") ?? path.join(home, ".local/state"), isNetwork);
  return {
    root: absolute("root", root),
    runtimeDir: absolute("runtime directory", runtimeDir),
    cacheDir: cacheDirectory(),
    configDir,
    ...(isMoved && { unusedRoot: usualRoot }),
  };
}

/**
 * A directory of the caller's alone on a local disk, for homes on network file systems: there are
 * no subordinate ids, no overlays and no shared memory for SQLite.  /var/tmp survives a reboot, and
 * nobody else can move what is ours there (its sticky bit).
 */
function localDirectory(name: string): string {
  return `/var/tmp/${name}-${process.geteuid?.() ?? 0}`;
}

function runtimeDirOfHome(state: string, isNetwork: (directory: string) => boolean): string {
  return isNetwork(state) ? localDirectory("tsman-run") : path.join(state, "tsman/run");
}

/** What may be lost at any time: `$XDG_CACHE_HOME/tsman`, `~/.cache/tsman`. */
export function cacheDirectory(): string {
  return path.join(xdg("XDG_CACHE_HOME") ?? path.join(homeDirectory(), ".cache"), "tsman");
}

/** The invoking user's home: `$HOME` when absolute, else the one of the password database. */
export function homeDirectory(): string {
  const home = environmentVariable("HOME");
  if (home !== undefined && path.isAbsolute(home)) return home;
  return os.userInfo().homedir;
}

/** `$XDG_RUNTIME_DIR`, if there is one. */
export function callerRuntimeDirectory(): string | undefined {
  return xdg("XDG_RUNTIME_DIR");
}

/** XDG: "If an implementation encounters a relative path … it should be ignored." */
function xdg(name: string): string | undefined {
  const value = environmentVariable(name);
  return value !== undefined && path.isAbsolute(value) ? value : undefined;
}

/**
 * `$XDG_RUNTIME_DIR/NAME`, if the directory is ours and nobody else may write there (security case
 * S94).  Podman lets others pass through its own (`--userns=auto`, `makeAccessible()` in libpod), and
 * what is kept there must not be somewhere else from then on; NAME itself is 0700.
 */
export function usableRuntimeDir(name: string): string | undefined {
  const base = xdg("XDG_RUNTIME_DIR");
  if (base === undefined) return undefined;
  try {
    const stat = lstatSync(base);
    const isOurs =
      stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
    return isOurs ? path.join(base, name) : undefined;
  } catch {
    return undefined;
  }
}

function absolute(what: string, value: string): string {
  // Without the slash at its end, behind which lstat(2) would see what a symbolic link leads to.
  if (path.isAbsolute(value)) return path.resolve(value);
  throw new TsmanError(
    "CONFIG_INVALID",
    `use ${what} ${JSON.stringify(value)}: not an absolute path`,
    {
      hint: "give an absolute path",
    },
  );
}
