import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LogOptions, readLog } from "../../../src/container/log-reader.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tsman-log-"));
  file = path.join(directory, "ctr.log");
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const moment = (second: number): string =>
  `2026-01-01T00:00:${String(second).padStart(2, "0")}.000000001+00:00`;

/** `o1F text` is the line of stdout in second 1, `e2P text` a piece of stderr in second 2. */
const written = (...lines: string[]): string =>
  lines
    .map((line) => {
      const [, stream, second, tag, text] = /^([oe])(\d+)([FP]) ?(.*)$/.exec(line) as string[];
      return `${moment(Number(second))} ${stream === "o" ? "stdout" : "stderr"} ${tag} ${text}\n`;
    })
    .join("");

async function read(options: LogOptions = {}, isOver = () => true): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text, stream, isPartial } of readLog(file, options, isOver)) {
    texts.push(
      `${stream === "stdout" ? "o" : "e"}${isPartial ? "P" : "F"} ${Buffer.from(text).toString()}`,
    );
  }
  return texts;
}

describe("a container's log", () => {
  it("is read across rotated files, leaving damaged lines out", async () => {
    writeFileSync(`${file}.1`, written("o1F one"));
    writeFileSync(file, `${written("e2F two")}damaged\n${written("o3P three")}2026-01-01T0`);
    expect(await read()).toEqual(["oF one", "eF two", "oP three"]);
  });

  it("may be Docker's json-file", async () => {
    const lines = [
      { log: "héllo\n", stream: "stdout", time: "2026-01-01T00:00:01.5Z" },
      { log: "part", stream: "stderr", attrs: { tag: "x" }, time: "2026-01-01T00:00:02Z" },
      { log: 7, stream: "stdout", time: "2026-01-01T00:00:02Z" },
    ];
    writeFileSync(file, `${lines.map((one) => JSON.stringify(one)).join("\n")}\n{"log":\n`);
    expect(await read()).toEqual(["oF héllo", "eP part"]);
    expect(await read({ since: new Date("2026-01-01T00:00:02Z") })).toEqual(["eP part"]);
  });

  it("is cut to a span of time", async () => {
    writeFileSync(file, written("o1F one", "o2F two", "o3F three"));
    const since = new Date("2026-01-01T00:00:02Z");
    const until = new Date("2026-01-01T00:00:03Z");
    expect(await read({ since })).toEqual(["oF two", "oF three"]);
    expect(await read({ until })).toEqual(["oF one", "oF two"]);
    expect(await read({ since, until })).toEqual(["oF two"]);
    expect(await read({ until, tail: 1 })).toEqual(["oF two"]);
    expect(await read({ since, tail: 5 })).toEqual(["oF two", "oF three"]);
  });
});

describe("the last lines of a log", () => {
  it("reach back into rotated files", async () => {
    writeFileSync(`${file}.2`, written("o1F a", "o2F b"));
    writeFileSync(`${file}.1`, written("o3F c"));
    writeFileSync(file, written("o4F d"));
    expect(await read({ tail: 0 })).toEqual([]);
    expect(await read({ tail: 1 })).toEqual(["oF d"]);
    expect(await read({ tail: 3 })).toEqual(["oF b", "oF c", "oF d"]);
    expect(await read({ tail: 9 })).toHaveLength(4);
  });

  it("are a program's lines: one in pieces is whole and counts once", async () => {
    writeFileSync(`${file}.1`, written("o1F a", "o2P b1"));
    writeFileSync(file, written("e3F err", "o3P b2", "o4F b3", "o5F c"));
    expect(await read({ tail: 2 })).toEqual(["oP b1", "oP b2", "oF b3", "oF c"]);
    expect(await read({ tail: 3 })).toEqual(["oP b1", "eF err", "oP b2", "oF b3", "oF c"]);
  });

  it("count one that has no end yet", async () => {
    writeFileSync(file, written("o1F a", "o2P prompt"));
    expect(await read({ tail: 1 })).toEqual(["oP prompt"]);
  });

  it("of a line without end are a bounded part", async () => {
    const piece = "x".repeat(16_000);
    const pieces = Array.from({ length: 600 }, () => `o1P ${piece}`);
    writeFileSync(file, written(...pieces));
    const found = await read({ tail: 1 });
    expect(found.length).toBeGreaterThan(200);
    expect(found.length).toBeLessThan(300);
  });

  it("are followed from there on", async () => {
    writeFileSync(file, written("o1F a", "o2F b"));
    let isOver = false;
    const lines = readLog(file, { tail: 1, follow: true }, () => isOver);
    const next = async (): Promise<string> => {
      const { value } = await lines.next();
      return Buffer.from(value?.text ?? "").toString();
    };
    expect(await next()).toBe("b");
    appendFileSync(file, written("o3F c"));
    renameSync(file, `${file}.1`);
    writeFileSync(file, written("e4F d"));
    expect([await next(), await next()]).toEqual(["c", "d"]);
    isOver = true;
    expect((await lines.next()).done).toBe(true);
  });
});
