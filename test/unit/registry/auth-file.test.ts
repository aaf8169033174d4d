import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { passwordEntry, readAuthFile, updateAuthFile } from "../../../src/registry/auth-file.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tsman-auth-file-"));
  file = join(directory, "kept/auth.json");
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function add(key: string, to = file): Promise<void> {
  await updateAuthFile(to, (auths) => {
    auths[key] = passwordEntry("me", "1");
    return true;
  });
}

const keys = (of = file) => Object.keys(readAuthFile(of, true)?.auths ?? {}).sort();

test("a file that is not there is made, with its directory, for its owner alone", async () => {
  await add("a.example");
  expect(keys()).toEqual(["a.example"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory, "kept")).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(directory, "kept"))).toEqual(["auth.json"]);
});

test("changes at the same time all count, and nothing else is lost", async () => {
  mkdirSync(join(directory, "kept"));
  const other = { psFormat: "table", auths: { "z.example": { identitytoken: "t", email: "e" } } };
  writeFileSync(file, JSON.stringify(other));
  const names = Array.from({ length: 8 }, (_, index) => `${index}.example`);
  await Promise.all(names.map((name) => add(name)));
  expect(keys()).toEqual([...names, "z.example"]);
  const written = JSON.parse(readFileSync(file, "utf8"));
  expect(written.psFormat).toBe("table");
  expect(written.auths["z.example"]).toEqual({ identitytoken: "t", email: "e" });
});

test("a change that is none leaves the file as it is", async () => {
  mkdirSync(join(directory, "kept"));
  writeFileSync(file, "  {}  ");
  await updateAuthFile(file, () => false);
  expect(readFileSync(file, "utf8")).toBe("  {}  ");
});

test("a link of ours is followed, and stays a link", async () => {
  const kept = join(directory, "kept.json");
  const link = join(directory, "link.json");
  writeFileSync(kept, "{}");
  symlinkSync(kept, link);
  await add("a.example", link);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(keys(kept)).toEqual(["a.example"]);
});

test.each(["fifo", "directory", "link to a directory"])("a %s is not written", async (kind) => {
  const odd = join(directory, "odd");
  if (kind === "fifo") execFileSync("mkfifo", [odd]);
  else if (kind === "directory") mkdirSync(odd);
  else symlinkSync(directory, odd);
  const failed = add("a.example", odd);
  await expect(failed).rejects.toThrow(odd.slice(0, directory.length));
});

test("what is no such file is named, and left alone", async () => {
  mkdirSync(join(directory, "kept"));
  writeFileSync(file, '{"auths":"secret-word"}');
  const error = await add("a.example").catch((thrown: unknown) => thrown as Error);
  expect(String(error)).toContain(file);
  expect(String(error)).not.toContain("secret-word");
  expect(readFileSync(file, "utf8")).toBe('{"auths":"secret-word"}');
  expect(readdirSync(join(directory, "kept"))).toEqual(["auth.json"]);
});

test("an entry called __proto__ is an entry", async () => {
  mkdirSync(join(directory, "kept"));
  writeFileSync(file, '{"auths":{"__proto__":{"auth":"eDp5"}}}');
  await add("a.example");
  expect(readFileSync(file, "utf8")).toContain('"__proto__"');
  expect(({} as { auth?: string }).auth).toBeUndefined();
});
