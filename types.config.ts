import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import process from "node:process";

// Writes dist/types: what TypeScript programs know of `import { Tsman } from "tsman"`.  The compiler
// declares every module that the engine reaches; only those that its public types name are kept, so
// that nobody needs the declarations of our dependencies.  Nothing is done when nothing has changed.

const root = import.meta.dirname;
const out = join(root, "dist/types");
const stamp = join(out, ".built");
const entry = "engine/index.d.ts";

/** Everything that decides what comes out. */
const inputs = [
  "types.config.ts",
  "tsconfig.json",
  "tsconfig.types.json",
  "package-lock.json",
  ...readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("src", name)),
];

/** Milliseconds, or 0: it is not there. */
const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const builtAt = changedAt(stamp);
if (inputs.every((input) => changedAt(join(root, input)) < builtAt)) process.exit(0);

const startedAt = new Date();
const temporary = mkdtempSync(join(root, "dist/types-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));
const compiler = join(root, "node_modules/typescript/bin/tsc");
const { status } = spawnSync(
  process.execPath,
  [compiler, "--project", join(root, "tsconfig.types.json"), "--outDir", temporary],
  { stdio: "inherit" },
);
if (status !== 0) process.exit(1);

/** Of a declaration's text, the modules of ours that it names. */
const imports = /((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]+)\.ts"/g;

const kept = new Map<string, string>();
const wanted = [entry];
for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
  if (kept.has(path)) continue;
  const text = readFileSync(join(temporary, path), "utf8");
  for (const [, , target = ""] of text.matchAll(imports)) {
    wanted.push(join(dirname(path), `${target}.d.ts`));
  }
  // What compilers before 5.7 understand as well.
  kept.set(path, text.replace(imports, '$1$2.js"'));
}
const head = '/// <reference types="node" />\n';
kept.set(entry, head + (kept.get(entry) ?? ""));

for (const [path, text] of kept) {
  const file = join(out, path);
  await mkdir(dirname(file), { recursive: true });
  // By renaming, since somebody may be compiling against it at this moment.
  await writeFile(`${file}.${process.pid}`, text);
  await rename(`${file}.${process.pid}`, file);
}
for (const file of readdirSync(out, { recursive: true, encoding: "utf8" })) {
  if (file.endsWith(".d.ts") && !kept.has(file)) rmSync(join(out, file));
}
// With the time of the beginning: what was changed meanwhile counts as new.
await writeFile(stamp, `${startedAt.toISOString()}\n`);
utimesSync(stamp, startedAt, startedAt);
console.log(`declared ${relative(root, join(out, entry))}: ${kept.size} files`);
