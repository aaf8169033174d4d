import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { Database } from "../../../src/store/database.ts";
import { EventFile, momentText } from "../../../src/store/events.ts";
import { finishWorker, scratchStore, startWorker } from "./scratch-store.ts";

const linesOf = (file: string): unknown[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));

describe("the file of events", () => {
  it("has a document per line, with the moment, and nobody else may read it", () => {
    using scratch = scratchStore();
    const { events } = scratch.store;
    const before = Date.now();
    events.emit(
      { type: "container", status: "create", id: "ab", name: "we\nb", image: "busybox" },
      { type: "container", status: "start", id: "ab", name: "web", attributes: { a: "b" } },
    );
    events.emit({ type: "volume", status: "create", name: "data" });
    const lines = linesOf(events.path) as { time: string }[];
    expect(lines).toMatchObject([
      { type: "container", status: "create", id: "ab", name: "we\nb", image: "busybox" },
      { type: "container", status: "start", attributes: { a: "b" } },
      { type: "volume", status: "create", name: "data" },
    ]);
    for (const { time } of lines) {
      expect(time).toMatch(/^\d+\.\d{9}$/);
      expect(Number(time) * 1000).toBeGreaterThanOrEqual(before - 1);
    }
    expect(statSync(events.path).mode & 0o777).toBe(0o600);
  });

  it("becomes the old one when it is large, and nothing is lost at that moment", () => {
    using scratch = scratchStore();
    const database = Database.open(path.join(scratch.root, "store.db"));
    const events = new EventFile(database, scratch.root, 300);
    for (const name of ["a", "b", "c", "d", "e"]) {
      events.emit({ type: "volume", status: "create", name: name.repeat(50) });
    }
    database.close();
    const names = [events.oldPath, events.path].flatMap((file) =>
      existsSync(file) ? (linesOf(file) as { name: string }[]).map(({ name }) => name[0]) : [],
    );
    expect(names).toEqual(["a", "b", "c", "d", "e"]);
    expect(statSync(events.oldPath).size).toBeGreaterThanOrEqual(300);
  });

  it("loses nothing when several processes write and it is rotated among them", async () => {
    using scratch = scratchStore();
    const names = ["a", "b", "c", "d"];
    // Some 60 kB in all: one rotation, of which each of them may think that it is to be his.
    const workers = names.map((name) => startWorker("emit", scratch.base, [name, "40000"]));
    const results = await Promise.all(workers.map(finishWorker));
    expect(results.map(({ stderr }) => stderr).join("")).toBe("");
    const { events } = scratch.store;
    const lines = [events.oldPath, events.path].flatMap(linesOf) as { name: string }[];
    const expected = names.flatMap((name) => Array.from({ length: 200 }, (_, n) => `${name}-${n}`));
    expect(lines.map(({ name }) => name).sort()).toEqual(expected.sort());
  }, 30_000);

  it("does not get in the way of what happened when it cannot be written", () => {
    using scratch = scratchStore();
    const { events } = scratch.store;
    events.emit({ type: "volume", status: "create", name: "data" });
    chmodSync(events.path, 0o400);
    chmodSync(scratch.root, 0o500);
    try {
      expect(() => events.emit({ type: "volume", status: "remove", name: "data" })).not.toThrow();
    } finally {
      chmodSync(scratch.root, 0o700);
    }
  });
});

describe("a moment", () => {
  it.each([
    [0, "0.000000000"],
    [1_700_000_000_007, "1700000000.007000000"],
    [1_700_000_000_999, "1700000000.999000000"],
  ])("of %d ms is written %s", (milliseconds, text) => {
    expect(momentText(milliseconds)).toBe(text);
  });
});
