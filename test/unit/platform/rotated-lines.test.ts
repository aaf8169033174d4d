import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RotatedLinesOptions, rotatedLines } from "../../../src/platform/rotated-lines.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tsman-lines-"));
  file = path.join(directory, "log");
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Reads on, a line at a time, as text. */
function reader(options: RotatedLinesOptions = {}) {
  const lines = rotatedLines(file, options);
  return {
    next: async (): Promise<string | undefined> => {
      const { value, done } = await lines.next();
      return done ? undefined : Buffer.from(value.bytes).toString();
    },
    rest: async (): Promise<string[]> => {
      const texts: string[] = [];
      for await (const { bytes } of lines) texts.push(Buffer.from(bytes).toString());
      return texts;
    },
  };
}

function rotate(): void {
  for (const n of [2, 1]) {
    try {
      renameSync(`${file}.${n}`, `${file}.${n + 1}`);
    } catch {
      // Not that old yet.
    }
  }
  renameSync(file, `${file}.1`);
}

/** As the monitor does, with no end of old files. */
function rotateAll(): void {
  const numbers = readdirSync(directory).map((name) => Number(name.split(".")[1] ?? 0));
  for (const n of numbers.toSorted((a, b) => b - a)) {
    renameSync(n === 0 ? file : `${file}.${n}`, `${file}.${n + 1}`);
  }
}

describe("the lines of a rotated file", () => {
  it("come oldest first, without an unfinished one", async () => {
    writeFileSync(`${file}.2`, "a\nb\n");
    writeFileSync(`${file}.1`, "c\n\n");
    writeFileSync(file, "d\ne");
    expect(await reader().rest()).toEqual(["a", "b", "c", "", "d"]);
  });

  it("are none when there is no such file or directory", async () => {
    expect(await reader().rest()).toEqual([]);
    file = path.join(directory, "missing/log");
    expect(await reader({ follow: true, isOver: () => true }).rest()).toEqual([]);
  });

  it("may be longer than a buffer", async () => {
    const long = "x".repeat(700_000);
    writeFileSync(file, `${long}\nshort\n`);
    expect(await reader().rest()).toEqual([long, "short"]);
  });

  it("are followed across rotations, several between two looks, and none is lost", async () => {
    writeFileSync(file, "1\n");
    let isOver = false;
    const following = reader({ follow: true, isOver: () => isOver });
    expect(await following.next()).toBe("1");
    appendFileSync(file, "2\n");
    rotate();
    writeFileSync(file, "3\n");
    rotate();
    writeFileSync(file, "4\n");
    // Whoever had it open may still write to the one that was renamed.
    appendFileSync(`${file}.2`, "2b\n");
    expect([await following.next(), await following.next()]).toEqual(["2", "2b"]);
    expect([await following.next(), await following.next()]).toEqual(["3", "4"]);
    appendFileSync(file, "5\n6");
    expect(await following.next()).toBe("5");
    appendFileSync(file, "7\n");
    isOver = true;
    expect(await following.rest()).toEqual(["67"]);
  });

  it("are followed from the end on, also when the file is yet to come", async () => {
    writeFileSync(`${file}.1`, "old\n");
    const abort = new AbortController();
    const opened = Promise.withResolvers<void>();
    const isOver = (): boolean => {
      opened.resolve();
      return false;
    };
    const following = reader({ follow: true, fromEnd: true, isOver, signal: abort.signal });
    const first = following.next();
    await opened.promise;
    writeFileSync(file, "new\n");
    expect(await first).toBe("new");
    abort.abort();
    expect(await following.rest()).toEqual([]);
  });

  it("that were written before the end are all given before it", async () => {
    writeFileSync(file, "");
    let asked = 0;
    const isOver = (): boolean => {
      asked += 1;
      if (asked === 1) appendFileSync(file, "last\n");
      return asked === 1;
    };
    expect(await reader({ follow: true, isOver }).rest()).toEqual(["last"]);
  });

  it("come once each and in order, however fast the files are rotated", async () => {
    const count = 400;
    const write = async (): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        appendFileSync(file, `${i}\n`);
        // Several rotations between two steps of the reader, and none.
        if (i % 3 !== 0) rotateAll();
        if (i % 4 === 0) await setImmediate();
      }
    };
    let isOver = false;
    const reading = reader({ follow: true, isOver: () => isOver, interval: 20 }).rest();
    await write();
    isOver = true;
    expect(await reading).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  });
});
