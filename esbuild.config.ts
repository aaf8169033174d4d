import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

// Bundles src/ into dist/: plain imports of oclif, undici and zod cost 45 to 75 ms each.
//
// The command line is one file, in which modules that are imported with `import()` sleep until they
// are used: Node's loader takes 1 to 2 ms for each file of an ES module graph, more than V8 takes to
// read code that is not run.  In front of it stands dist/cli/main.js, which switches the compile
// cache on.

const root = import.meta.dirname;
const out = join(root, "dist");

/** Where each bundle starts; the keys are paths below dist/. */
const entryPoints: Record<string, string> = {
  // Runs inside the user namespace as a second Node, so it is a program of its own.
  "cli/unpack-worker": "src/layer/worker/main.ts",
  // `import { Tsman } from "tsman"`
  "lib/index": "src/engine/index.ts",
};

/**
 * oclif's parser imports its help, spinners and plugin loader at once, 35 ms, and uses none of them
 * for a command line that is right: its requires run when their first member is read.
 */
const lazyOclif: Plugin = {
  name: "lazy-oclif",
  setup: ({ onLoad }) => {
    onLoad({ filter: /node_modules\/@oclif\/core\/lib\/.*\.js$/ }, async ({ path }) => {
      const names: string[] = [];
      let contents = (await readFile(path, "utf8")).replace(
        /^(?:const|var) (\w+) = ((?:__importDefault\()?require\("[^"]+"\)\)?);$/gm,
        (_, name: string, required: string) => {
          names.push(name);
          return `const ${name} = () => ${required};`;
        },
      );
      for (const name of names) {
        contents = contents
          .replace(new RegExp(`\\bnew ${name}((?:\\.\\w+)+)`, "g"), `new (${name}()$1)`)
          .replace(new RegExp(`\\b${name}\\.`, "g"), `${name}().`);
      }
      return { contents, loader: "js" };
    });
  },
};

/** Modules of Node that take milliseconds to load and offer functions: loaded at the first call. */
const heavyBuiltins = new Set([
  "node:child_process",
  "node:crypto",
  "node:net",
  "node:tty",
  "node:zlib",
]);

/**
 * Node's own modules, by getBuiltinModule: an ES import of one reads all of its exports, and that
 * of node:process thereby sets up the standard streams, 7 ms, which tsman hands to containers and
 * must not touch.
 */
const builtins: Plugin = {
  name: "builtins",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "require-call" ? undefined : { path, namespace: "builtin", sideEffects: false },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => {
      if (path === "node:process") return { contents: "export default process;", loader: "js" };
      const exports = createRequire(import.meta.url)(path) as Record<string, unknown>;
      const isFunction = (name: string): boolean =>
        /^[a-z]/.test(name) &&
        typeof Object.getOwnPropertyDescriptor(exports, name)?.value === "function";
      const lines = Object.keys(exports)
        .filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== "default")
        .map((name) =>
          heavyBuiltins.has(path) && isFunction(name)
            ? `export const ${name} = (...all) => load().${name}(...all);`
            : `export const ${name} = /* @__PURE__ */ (() => load().${name})();`,
        );
      const contents = [
        `let loaded; const load = () => (loaded ??= process.getBuiltinModule("${path}"));`,
        ...lines,
        "export default /* @__PURE__ */ (() => load())();",
      ].join("\n");
      return { contents, loader: "js" };
    });
  },
};

/** main.js stays tiny: what it imports must come after the compile cache is on. */
const appApart: Plugin = {
  name: "app-apart",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/app\.ts$/ }, () => ({ path: "./app.js", external: true }));
  },
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

const shared: BuildOptions & { metafile: true } = {
  absWorkingDir: root,
  outdir: out,
  bundle: true,
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
    js: 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);',
  },
  metafile: true,
  logLevel: "warning",
};

const results = await Promise.all([
  build({
    ...shared,
    entryPoints: Object.fromEntries(present),
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
  }),
  build({
    ...shared,
    entryPoints: { "cli/app": "src/cli/app.ts" },
    plugins: [lazyOclif, builtins],
  }),
  build({
    ...shared,
    entryPoints: { "cli/main": "src/cli/main.ts" },
    plugins: [appApart, builtins],
  }),
]).catch(() => {
  // esbuild has printed what is wrong.
  process.exit(1);
});
const outputs: Metafile["outputs"] = Object.assign(
  {},
  ...results.map(({ metafile }) => metafile.outputs),
);

// Chunk names carry a hash: what an earlier build left behind would pile up.
const written = new Set(Object.keys(outputs).map((path) => join(root, path)));
for (const folder of ["cli", "chunks", "lib"]) {
  const names = await readdir(join(out, folder), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !written.has(path)) await rm(path);
  }
}

const size = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(
  `bundled ${relative(root, out)}/cli/main.js and ${present.map(([name]) => `${name}.js`).join(", ")}: ` +
    `${written.size} files, ${Math.round(size / 1024)} KiB`,
);
