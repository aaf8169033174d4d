import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockFile, tryLockFile } from "../../../src/platform/file-lock.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tsman-lock-"));
  file = path.join(directory, "lock");
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("a lock", () => {
  it("is held by one at a time, until it is given free", async () => {
    const first = await lockFile(file);
    expect(tryLockFile(file)).toBeUndefined();
    first.release();
    first.release();
    const second = tryLockFile(file);
    expect(second).toBeDefined();
    second?.release();
  });

  it("is shared by readers and refused to a writer meanwhile", async () => {
    const one = await lockFile(file, { shared: true });
    const two = await lockFile(file, { shared: true });
    expect(tryLockFile(file)).toBeUndefined();
    one.release();
    expect(tryLockFile(file)).toBeUndefined();
    two.release();
    const writer = tryLockFile(file);
    expect(writer).toBeDefined();
    writer?.release();
  });

  it("is waited for, and who waits can say so", async () => {
    const first = await lockFile(file);
    let waits = 0;
    const second = lockFile(file, {
      onWait: () => {
        waits += 1;
        first.release();
      },
    });
    (await second).release();
    expect(waits).toBe(1);
  });

  it("is not waited for any longer once the caller is interrupted", async () => {
    await using _held = await lockFile(file);
    const abort = new AbortController();
    const waiting = lockFile(file, { signal: abort.signal, onWait: () => abort.abort() });
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
    await expect(lockFile(file, { signal: abort.signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });

  it("whose file was deleted by its holder is taken on the file that has the name then", async () => {
    const first = await lockFile(file);
    const second = lockFile(file, { onWait: () => first.remove() });
    const lock = await second;
    expect(existsSync(file)).toBe(true);
    expect(tryLockFile(file)).toBeUndefined();
    lock.remove();
    expect(existsSync(file)).toBe(false);
  });

  it("of a process that was killed is free", async () => {
    writeFileSync(file, "");
    // `-o`: the lock is flock's alone; its child ends with our end of the pipe.
    const holder = spawn("flock", ["-o", file, "-c", "echo held; exec cat"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const closed = once(holder, "close");
    await once(holder.stdout, "data");
    expect(tryLockFile(file)).toBeUndefined();
    const waiting = lockFile(file, { onWait: () => holder.kill("SIGKILL") });
    (await waiting).release();
    holder.stdin.end();
    await closed;
  });

  it("is never a file at the other end of a symbolic link", () => {
    symlinkSync(path.join(directory, "victim"), file);
    expect(() => tryLockFile(file)).toThrow(/open lock .*ELOOP/);
    expect(existsSync(path.join(directory, "victim"))).toBe(false);
  });
});
