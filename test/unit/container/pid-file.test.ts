import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writePidFile } from "../../../src/container/pid-file.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "tsman-pid-file-"));
  file = path.join(directory, "pid");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("a pid file", () => {
  it("holds the number alone, also where there was one", () => {
    writePidFile(file, 7);
    writePidFile(file, 1234);
    expect(readFileSync(file, "utf8")).toBe("1234");
    expect(readdirSync(directory)).toEqual(["pid"]);
  });

  it("is not written through a link that somebody has laid in its way", () => {
    const victim = path.join(directory, "victim");
    for (const name of ["pid", `pid.${process.pid}~`]) {
      symlinkSync(victim, path.join(directory, name));
    }
    writePidFile(file, 7);
    expect(readFileSync(file, "utf8")).toBe("7");
    expect(readdirSync(directory)).not.toContain("victim");
  });

  it("leaves nothing behind when it cannot take its place", () => {
    mkdirSync(path.join(file, "x"), { recursive: true });
    expect(() => writePidFile(file, 7)).toThrow(`write ${file}: `);
    expect(readdirSync(directory)).toEqual(["pid"]);
  });
});
