import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { build } from "esbuild";

// Bundles src/ into dist/: plain imports of oclif, undici and zod cost 45 to 75 ms each, a bundle
// with code splitting loads what a command uses and nothing else.

const root = import.meta.dirname;
const out = join(root, "dist");

/** Where each bundle starts; the keys are paths below dist/. */
const entryPoints: Record<string, string> = {
  "cli/main": "src/cli/main.ts",
  // Runs inside the user namespace as a second Node, so it is a program of its own.
  "cli/unpack-worker": "src/layer/worker/main.ts",
  // `import { Tsman } from "tsman"`
  "lib/index": "src/engine/index.ts",
};

const present = Object.entries(entryPoints).filter(([name, source]) => {
  const exists = existsSync(join(root, source));
  if (!exists) console.warn(`skip dist/${name}.js: ${source} does not exist`);
  return exists;
});
if (present.length === 0) {
  console.error("bundle: no entry point exists");
  process.exit(1);
}

const result = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(present),
  outdir: out,
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // Its native addon is found beside its own package.json.
  external: ["koffi"],
  // Names and lines stay readable in a stack trace that a user sends us.
  minifySyntax: true,
  minifyIdentifiers: false,
  minifyWhitespace: false,
  legalComments: "external",
  // A CommonJS dependency that is bundled into an ES module still calls require for node:… modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  metafile: true,
  logLevel: "warning",
}).catch(() => {
  // esbuild has printed what is wrong.
  process.exit(1);
});

// Chunk names carry a hash: what an earlier build left behind would pile up.
const written = new Set(Object.keys(result.metafile.outputs).map((path) => join(root, path)));
for (const folder of ["cli", "chunks", "lib"]) {
  const names = await readdir(join(out, folder), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !written.has(path)) await rm(path);
  }
}

const size = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(
  `bundled ${present.map(([name]) => `${relative(root, out)}/${name}.js`).join(", ")}: ` +
    `${written.size} files, ${Math.round(size / 1024)} KiB`,
);
