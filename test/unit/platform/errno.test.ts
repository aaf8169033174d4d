import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TsmanError } from "../../../src/errors/index.ts";
import {
  ErrnoError,
  errnoMessage,
  errnoName,
  isErrno,
  toFileError,
  toGivenFileError,
} from "../../../src/platform/errno.ts";

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe("an errno", () => {
  it("has a name and words, Node's where there are two", () => {
    expect(errnoName(28)).toBe("ENOSPC");
    expect(errnoName(11)).toBe("EAGAIN");
    expect(errnoMessage(28)).toBe("no space left on device");
    expect(errnoName(9999)).toBe("errno 9999");
    expect(errnoMessage(9999)).toBe("errno 9999");
  });

  it("is recognised in a failure of Node's and in one of ours, and in nothing else", () => {
    const missing = failureOf(() => readFileSync("/no/such/file"));
    expect(isErrno(missing, "ENOENT")).toBe(true);
    expect(isErrno(missing, "EACCES")).toBe(false);
    expect(isErrno(new ErrnoError("flock", "x", 2), "ENOENT")).toBe(true);
    expect(isErrno(new TsmanError("DISK_FULL", "x"))).toBe(false);
    expect(isErrno(Object.assign(new Error("x"), { code: "ERR_SQLITE_ERROR" }))).toBe(false);
    expect(isErrno("ENOENT")).toBe(false);
  });
});

describe("a failed file operation becomes an error that leads to a remedy", () => {
  it.each([
    [28, "DISK_FULL", /free space/],
    [122, "DISK_FULL", /quota/],
    [30, "PREFLIGHT_STORAGE", /read-only/],
    [13, "PREFLIGHT_STORAGE", /--root/],
  ] as const)("errno %d", (errno, code, hint) => {
    const error = toFileError(new ErrnoError("write", "/x", errno), "store blob sha256:1");
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
    expect(error.message).toMatch(/^store blob sha256:1: .* \(E[A-Z]+\)$/);
  });

  it.for([
    [13, "read", "give a path that you may read"],
    [1, "write", "give a path that you may write"],
    [30, "write", "the file system is read-only: give a path on another"],
    [28, "write", "free space there, or give a path on another file system"],
  ] as const)(
    "of a file that the caller has named has the remedy of another path: %i, to %s",
    ([errno, use, hint]) => {
      const error = toGivenFileError(new ErrnoError("open", "/x", errno), "open /x", use);
      expect(error.hint).toBe(hint);
    },
  );

  it("keeps an error that is one of ours already", () => {
    const error = new TsmanError("DIGEST_MISMATCH", "x");
    expect(toFileError(error, "y")).toBe(error);
  });

  it("calls what is no system call a fault of ours", () => {
    expect(toFileError(new TypeError("oops"), "write x")).toMatchObject({
      code: "INTERNAL",
      message: "write x: oops",
    });
  });
});
