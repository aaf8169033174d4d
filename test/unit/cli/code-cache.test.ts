import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compileCached } from "../../../src/cli/code-cache.ts";

describe("compileCached", () => {
  let cacheDir = "";
  let ends: ((status: number) => void)[] = [];
  const compile = (text: string, id = "id") =>
    compileCached({
      file: "/x.cjs",
      source: `(() => ${text})`,
      id,
      use: "run",
      cacheDir,
    }) as () => unknown;
  const end = (status = 0) => {
    for (const listener of ends.splice(0)) listener(status);
  };
  const file = (id = "id") => path.join(cacheDir, "code", id, "run");
  const generation = (id = "id") => readFileSync(file(id)).at(-1);

  beforeEach(() => {
    cacheDir = mkdtempSync(path.join(os.tmpdir(), "tsman-code-"));
    ends = [];
    vi.spyOn(process, "on").mockImplementation(((name: string, listener: () => void) => {
      if (name === "exit") ends.push(listener);
      return process;
    }) as never);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(cacheDir, { recursive: true, force: true });
  });

  it("leaves code behind when the process ends well, three times", () => {
    for (const expected of [1, 2, 3, 3]) {
      expect(compile("42")()).toBe(42);
      end();
      expect(generation()).toBe(expected);
    }
  });

  it("leaves nothing behind when the process fails", () => {
    compile("42");
    end(125);
    expect(existsSync(file())).toBe(false);
  });

  it("runs the text that it was given when the cache is of another one or damaged", () => {
    compile("42");
    end();
    mkdirSync(path.dirname(file("other")), { recursive: true });
    writeFileSync(file("other"), readFileSync(file()), { mode: 0o600 });
    expect(compile("'longer'", "other")()).toBe("longer");
    mkdirSync(path.dirname(file("damaged")), { recursive: true });
    writeFileSync(file("damaged"), "odd", { mode: 0o600 });
    expect(compile("'fresh'", "damaged")()).toBe("fresh");
    end();
    expect(generation("damaged")).toBe(1);
  });

  it("does not take code that others may write", () => {
    for (const expected of [1, 2]) {
      compile("42");
      end();
      expect(generation()).toBe(expected);
    }
    chmodSync(file(), 0o666);
    compile("42");
    end();
    expect(generation()).toBe(1);
  });

  it("drops the caches of the build before", () => {
    compile("42", "old");
    end();
    compile("42", "new");
    end();
    expect(readdirSync(path.join(cacheDir, "code"))).toEqual(["new"]);
  });

  it("works without a cache directory, and with one that cannot be made", () => {
    const program = { file: "/x.cjs", source: "(() => 1)", id: "id", use: "run" };
    expect((compileCached({ ...program, cacheDir: undefined }) as () => number)()).toBe(1);
    writeFileSync(path.join(cacheDir, "file"), "");
    const blocked = path.join(cacheDir, "file");
    expect((compileCached({ ...program, cacheDir: blocked }) as () => number)()).toBe(1);
    expect(() => end()).not.toThrow();
  });
});
