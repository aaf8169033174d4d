import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "./errno.ts";
import { flock } from "./libc/files.ts";

/** A held flock(2); closing it, or the end of the process however it comes, gives it free. */
export interface FileLock extends AsyncDisposable {
  readonly path: string;
  /** Its descriptor: a program that inherits it holds the lock too, until it ends. */
  readonly fd: number;
  /** Gives the lock free; a second call does nothing. */
  release(): void;
  /** Deletes the lock file, then gives the lock free: for things that are gone for good. */
  remove(): void;
}

/** What {@link lockFile} takes. */
export interface LockOptions {
  /** With other readers; default: alone. */
  readonly shared?: boolean | undefined;
  /** Called once when somebody else holds the lock and we begin to wait. */
  readonly onWait?: (() => void) | undefined;
  /** Ends the wait with INTERRUPTED. */
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds between two attempts: short at first, since most locks are held shortly. */
const firstDelayMs = 2;
const longestDelayMs = 100;

/**
 * Takes a lock, waiting for as long as another process (or another part of this one) holds it.
 * The file is made when it is missing (0600) and stays.
 *
 * The wait asks again and again instead of sleeping in flock(2): that would block a thread of
 * Node's pool, could not be interrupted, and would keep the process from ending.
 *
 * @throws TsmanError INTERRUPTED when `signal` was aborted; a storage error when the file cannot be
 * made.
 */
export async function lockFile(path: string, options: LockOptions = {}): Promise<FileLock> {
  for (let wait = firstDelayMs; ; wait = Math.min(wait * 2, longestDelayMs)) {
    throwIfInterrupted(path, options.signal);
    const lock = tryLockFile(path, options);
    if (lock !== undefined) return lock;
    if (wait === firstDelayMs) options.onWait?.();
    try {
      await delay(wait, undefined, { signal: options.signal });
    } catch (error) {
      throwIfInterrupted(path, options.signal);
      throw error;
    }
  }
}

/** Takes a lock if it is free now; undefined otherwise.  Errors as {@link lockFile}. */
export function tryLockFile(
  path: string,
  options: Pick<LockOptions, "shared"> = {},
): FileLock | undefined {
  for (;;) {
    const fd = openLockFile(path);
    let isLocked = false;
    try {
      isLocked = flock(fd, options.shared === true ? "shared" : "exclusive");
      // Its holder may have deleted the file between our open and our lock: then we hold a file
      // that nobody else will ever find, and begin again with the one that has the name now.
      if (isLocked && isStillAt(fd, path)) return heldLock(path, fd);
    } catch (error) {
      closeSync(fd);
      throw toFileError(error, `lock ${path}`);
    }
    closeSync(fd);
    if (!isLocked) return undefined;
  }
}

function heldLock(path: string, fd: number): FileLock {
  let isHeld = true;
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    closeSync(fd);
  };
  return {
    path,
    fd,
    release,
    remove: () => {
      if (isHeld) unlinkIfThere(path);
      release();
    },
    [Symbol.asyncDispose]: async () => release(),
  };
}

function openLockFile(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    throw toFileError(error, `open lock ${path}`);
  }
}

function isStillAt(fd: number, path: string): boolean {
  try {
    const there = statSync(path, { bigint: true });
    const ours = fstatSync(fd, { bigint: true });
    return there.ino === ours.ino && there.dev === ours.dev;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function throwIfInterrupted(path: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new TsmanError("INTERRUPTED", `wait for lock ${path}: interrupted`, {
    cause: signal.reason,
  });
}
