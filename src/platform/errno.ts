import os from "node:os";
import { getSystemErrorMessage } from "node:util";
import { failuresOf, TsmanError, toTsmanError } from "../errors/index.ts";

/** What Node's own failed system calls look like, and {@link ErrnoError} too. */
export interface SystemFailure extends Error {
  /** Name of the errno, e.g. `ENOENT`. */
  readonly code: string;
  readonly errno?: number | undefined;
  readonly syscall?: string | undefined;
  readonly path?: string | undefined;
}

// Two names of one number (EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP): the first in the
// alphabet is the one that Node itself reports, so it is entered last.
let names: ReadonlyMap<number, string> | undefined;
const errnoNames = (): ReadonlyMap<number, string> => {
  names ??= new Map(
    Object.entries(os.constants.errno)
      .toSorted(([a], [b]) => (a < b ? 1 : -1))
      .map(([name, value]) => [value, name]),
  );
  return names;
};

/** `ENOENT` for 2; `errno 9999` for a number that this system does not know. */
export function errnoName(errno: number): string {
  return errnoNames().get(errno) ?? `errno ${errno}`;
}

/** The C library's words for an errno, without Node's prefix: `no such file or directory`. */
export function errnoMessage(errno: number): string {
  return errnoNames().has(errno) ? getSystemErrorMessage(-errno) : `errno ${errno}`;
}

/** A failed libc call, in the shape of Node's own system errors so that one check fits both. */
export class ErrnoError extends Error implements SystemFailure {
  override readonly name = "ErrnoError";
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(syscall: string, object: string | undefined, errno: number) {
    const subject = object === undefined ? syscall : `${syscall} ${object}`;
    super(`${subject}: ${errnoMessage(errno)} (${errnoName(errno)})`);
    this.code = errnoName(errno);
    this.errno = errno;
    this.syscall = syscall;
    this.path = object;
  }
}

/** Whether `error` is a failed system call, optionally one with one of these errno names. */
export function isErrno(error: unknown, ...names: readonly string[]): error is SystemFailure {
  if (!(error instanceof Error)) return false;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code !== "string") return false;
  return names.length === 0 ? /^E[A-Z0-9]+$/.test(code) : names.includes(code);
}

/**
 * A failed file operation as a {@link TsmanError}: `what: why`, with the remedy where the errno
 * implies one.  DISK_FULL for ENOSPC and EDQUOT, PREFLIGHT_STORAGE for the other refusals of a
 * file system, INTERNAL for what is no system call.
 */
export function toFileError(error: unknown, what: string): TsmanError {
  return describe(error, what, refusals);
}

/**
 * As {@link toFileError}, of a file that the caller has named and not one of the store: the remedy
 * is another path.
 *
 * @param use what it is opened for
 */
export function toGivenFileError(error: unknown, what: string, use: "read" | "write"): TsmanError {
  return describe(error, what, { ...refusals, ...refusalsOfGiven[use] });
}

function describe(error: unknown, what: string, remedies: Refusals): TsmanError {
  if (!isErrno(error)) {
    const [first] = failuresOf(error);
    if (!isErrno(first)) return toTsmanError(error, what);
    return toTsmanError(error, what, (one) => describe(one, what, remedies));
  }
  const number = Math.abs(error.errno ?? 0);
  const why = number === 0 ? error.message : `${errnoMessage(number)} (${error.code})`;
  const details = {
    errno: error.code,
    ...(error.path === undefined ? {} : { path: String(error.path) }),
  };
  const refusal = remedies[error.code];
  return new TsmanError(refusal?.code ?? "PREFLIGHT_STORAGE", `${what}: ${why}`, {
    hint: refusal?.hint,
    cause: error,
    details,
  });
}

type Refusals = Readonly<
  Record<string, { readonly code: "DISK_FULL" | "PREFLIGHT_STORAGE"; readonly hint: string }>
>;

const refusals: Refusals = {
  ENOSPC: {
    code: "DISK_FULL",
    hint: "free space (tsman rmi, tsman rm) or move the store with --root",
  },
  EDQUOT: {
    code: "DISK_FULL",
    hint: "your disk quota is used up: free space or move the store with --root",
  },
  EROFS: {
    code: "PREFLIGHT_STORAGE",
    hint: "the file system is read-only: point --root to a writable directory",
  },
  EACCES: {
    code: "PREFLIGHT_STORAGE",
    hint: "point --root to a directory that is yours",
  },
  EPERM: {
    code: "PREFLIGHT_STORAGE",
    hint: "point --root to a directory that is yours",
  },
  EMFILE: { code: "PREFLIGHT_STORAGE", hint: "raise the limit of open files (ulimit -n)" },
};

const denied = (use: string) =>
  ({ code: "PREFLIGHT_STORAGE", hint: `give a path that you may ${use}` }) as const;
const refusalsOfGiven: Readonly<Record<"read" | "write", Refusals>> = {
  read: { EACCES: denied("read"), EPERM: denied("read") },
  write: {
    ENOSPC: { code: "DISK_FULL", hint: "free space there, or give a path on another file system" },
    EDQUOT: {
      code: "DISK_FULL",
      hint: "your disk quota is used up there: free space, or give a path on another file system",
    },
    EROFS: {
      code: "PREFLIGHT_STORAGE",
      hint: "the file system is read-only: give a path on another",
    },
    EACCES: denied("write"),
    EPERM: denied("write"),
  },
};
