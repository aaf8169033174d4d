import { constants, openSync, readlinkSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { readBundleDocument } from "../../../container/bundle-document.ts";
import { TsmanError } from "../../../errors/index.ts";
import { isErrno, toFileError } from "../../../platform/errno.ts";
import type { UsernsMaps } from "../../../platform/userns.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import { type EngineContext, mappingFor } from "../../context.ts";
import { configFileName } from "../find-container.ts";
import { closingOnce, type OpenView } from "./container-view.ts";

/** O_PATH of open(2), which Node does not name. */
const O_PATH = 0o10000000;
const openDirectory = O_PATH | constants.O_DIRECTORY;

/** A path as it was written, taken apart; byte strings (one character for each byte). */
export interface WrittenPath {
  /** As text, for messages. */
  readonly shown: string;
  /** With a slash; absolute unless it is one of this host. */
  readonly path: string;
  /** Its last component; "" when only what is in it is meant: `.`, `DIR/.`, `/`. */
  readonly name: string;
  /** It ended with `/` or `/.`, so that nothing but a directory is meant. */
  readonly mustBeDirectory: boolean;
}

/**
 * Takes a path apart that somebody has written.
 *
 * @param base what a relative path is relative to.
 * @throws TsmanError USAGE for what is no path
 */
export function readWrittenPath(written: Uint8Array, base: string): WrittenPath {
  const text = Buffer.from(written).toString("latin1");
  if (text === "" || text.includes("\0")) {
    throw new TsmanError("USAGE", `copy ${JSON.stringify(text)}: not a path`, {
      hint: "write CONTAINER:PATH, or a path of this host",
    });
  }
  const absolute = text.startsWith("/") ? text : `${base === "/" ? "" : base}/${text}`;
  const last = absolute.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return {
    shown: shown(base === "." ? text : absolute),
    path: absolute,
    name: last === "." ? "" : last,
    mustBeDirectory: /\/\.?$/.test(absolute) && absolute !== "/",
  };
}

/** A path that is mounted into a container while it runs. */
interface IdleMount {
  /** Directory of the host. */
  readonly source: string;
  /** The path in it; absolute there. */
  readonly inner: string;
  readonly readOnly: boolean;
}

/**
 * The volume or directory of the host that a path of a container lies in which does not run: what
 * is below it in the root file system nobody ever sees.
 *
 * @throws TsmanError CONTAINER_NOT_RUNNING for a tmpfs, which exists only while it runs
 */
export function findIdleMount(
  context: EngineContext,
  record: ContainerRecord,
  wanted: string,
): IdleMount | undefined {
  const dir = context.store.containers.dir(record.id);
  const document = readBundleDocument(path.join(dir, configFileName));
  const cleaned = path.posix.normalize(wanted);
  const around = (document?.mounts ?? [])
    .map((mount) => ({ ...mount, target: latin1(mount.destination) }))
    .filter(({ target }) => cleaned === target || cleaned.startsWith(`${target}/`))
    .toSorted((a, b) => b.target.length - a.target.length)
    .at(0);
  if (around === undefined) return undefined;
  const { source, target, options } = around;
  if (!path.isAbsolute(source)) {
    const isTmpfs = record.options.mounts.some(
      (mount) => mount.type === "tmpfs" && latin1(mount.target) === target,
    );
    if (!isTmpfs) return undefined;
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `copy files of container ${record.name}: ${around.destination} is a tmpfs, which exists only ` +
        "while it runs",
      { hint: `start it first: tsman start ${record.name}` },
    );
  }
  // hosts, resolv.conf and the like: written anew by the next start.
  if (source.startsWith(`${dir}/`) || !isDirectory(source)) return undefined;
  const inner = cleaned.slice(target.length) || "/";
  // What normalizing took away still means a directory.
  const tail = inner !== "/" && /\/\.?$/.test(wanted) && !inner.endsWith("/") ? "/" : "";
  return { source, inner: `${inner}${tail}`, readOnly: options.includes("ro") };
}

/** Opens a directory that is mounted into a container while it runs, with the container's ids. */
export function openIdleMount({ source }: IdleMount, mapping: UsernsMaps): OpenView {
  return opened(source, mapping);
}

/** Something of this host at one end of a copy, and where it is in the directory that was opened. */
export interface HostEnd {
  readonly view: OpenView;
  /** Absolute, in that directory. */
  readonly inner: string;
}

/**
 * Opens the directory with what is to be copied: itself, or the one around it.  Links of its own
 * path are followed here, once; nothing else of it is looked up outside.
 *
 * @throws TsmanError USAGE when it is not there
 */
export function openHostSource(context: EngineContext, written: WrittenPath): HostEnd {
  const { path: source } = written;
  const what = `copy ${written.shown}`;
  try {
    const real = realpathSync.native(bytes(source), { encoding: "buffer" }).toString("latin1");
    if (isDirectory(real)) return { view: openedAsCaller(context, real), inner: "/" };
    const slash = real.lastIndexOf("/");
    const view = openedAsCaller(context, real.slice(0, slash) || "/");
    return { view, inner: real.slice(slash) };
  } catch (error) {
    throw notThere(error, what);
  }
}

/**
 * Opens the directory that a copy goes to, or the one in which it is to be made.
 *
 * @throws TsmanError USAGE when neither is there
 */
export function openHostDestination(context: EngineContext, written: WrittenPath): HostEnd {
  const { path: destination } = written;
  const what = `copy to ${written.shown}`;
  try {
    if (isDirectory(destination)) {
      return { view: openedAsCaller(context, destination), inner: "/" };
    }
    // A link to a file means the file.
    const real = realOrWritten(destination);
    const trimmed = real.replace(/\/+(?:\.\/*)*$/, "");
    const slash = trimmed.lastIndexOf("/");
    const view = openedAsCaller(context, trimmed.slice(0, slash) || "/");
    return { view, inner: trimmed.slice(slash) };
  } catch (error) {
    throw notThere(error, what);
  }
}

/** The path behind a link, be it one to what is not there yet. */
function realOrWritten(destination: string, links = 0): string {
  try {
    return realpathSync.native(bytes(destination), { encoding: "buffer" }).toString("latin1");
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    const target = links < mostLinks ? linkTarget(destination) : undefined;
    if (target === undefined) return destination;
    const around = destination.slice(0, destination.lastIndexOf("/"));
    return realOrWritten(target.startsWith("/") ? target : `${around}/${target}`, links + 1);
  }
}

/** symlink(7): as many as the kernel follows. */
const mostLinks = 40;

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(bytes(link), { encoding: "latin1" });
  } catch {
    return undefined;
  }
}

/**
 * With the caller's rights and, for an ordinary user, with the ids that the default mapping adds:
 * files that containers have left in a directory can be copied, too.
 */
function openedAsCaller(context: EngineContext, directory: string): OpenView {
  const isRoot = process.geteuid?.() === 0;
  return opened(directory, isRoot ? undefined : mappingFor(context, { mode: "default" }));
}

function opened(directory: string, mapping: UsernsMaps | undefined): OpenView {
  const fd = openSync(bytes(directory), openDirectory);
  return { place: { kind: "host", fd, mapping }, close: closingOnce([fd]) };
}

function isDirectory(directory: string): boolean {
  return statSync(bytes(directory), { throwIfNoEntry: false })?.isDirectory() === true;
}

function notThere(error: unknown, what: string): unknown {
  if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return toFileError(error, what);
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file or directory",
    ENOTDIR: "a part of the path is no directory",
    ELOOP: "too many symbolic links",
    EACCES: "permission denied",
  };
  return new TsmanError("USAGE", `${what}: ${reasons[error.code] ?? error.message}`, {
    hint: "check the path on this host",
  });
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** For a message; control characters are the renderer's business. */
function shown(path: string): string {
  return bytes(path).toString("utf8");
}
