import { readdirSync, statSync, utimesSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { collectGarbage } from "../../../src/store/gc.ts";
import { claimUploadNote } from "../../../src/store/upload-notes.ts";
import { removeTree } from "./remove-tree.ts";
import { digestOf, type ScratchStore, scratchStore } from "./scratch-store.ts";

const blob = digestOf("blob");
const place = "registry.example/team/app";
const location = "https://registry.example/v2/team/app/blobs/uploads/1?_state=secret";

let scratch: ScratchStore;
beforeEach(() => {
  scratch = scratchStore();
});
afterEach(() => scratch[Symbol.dispose]());

const claim = (where = place) => claimUploadNote(scratch.root, where, blob);
const partials = () => path.join(scratch.root, "blobs/partial");

it("a note is there for the next process, for nobody else to read", () => {
  {
    using note = claim();
    expect(note?.location).toBeUndefined();
    note?.write(location);
    // Whoever sends the same there meanwhile does so without one.
    expect(claim()).toBeUndefined();
    using other = claim("registry.example/team/other");
    expect(other?.location).toBeUndefined();
  }
  const [file = ""] = readdirSync(partials());
  expect(statSync(path.join(partials(), file)).mode & 0o777).toBe(0o600);
  using again = claim();
  expect(again?.location).toBe(location);
  again?.remove();
  expect(readdirSync(partials())).toEqual([]);
});

it("a note is collected after a week, unless it is in use", async () => {
  const note = claim();
  note?.write(location);
  const [name = ""] = readdirSync(partials());
  const file = path.join(partials(), name);
  await collectGarbage(scratch.store, { removeTree });
  expect(readdirSync(partials())).toEqual([name]);
  utimesSync(file, 0, 0);
  await collectGarbage(scratch.store, { removeTree });
  expect(readdirSync(partials())).toEqual([name]);
  note?.[Symbol.dispose]();
  const removed = await collectGarbage(scratch.store, { removeTree });
  expect(removed).toContainEqual({ kind: "blob", path: file });
  expect(readdirSync(partials())).toEqual([]);
});

it.each(["", "x".repeat(20_000)])("a note that says nothing sensible is none", (text) => {
  const note = claim();
  note?.write(text);
  note?.[Symbol.dispose]();
  using again = claim();
  expect(again?.location).toBeUndefined();
});
