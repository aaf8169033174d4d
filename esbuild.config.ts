import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { compileForBun } from "./esbuild-bytecode.config.ts";
import { asFunctions, toAscii } from "./esbuild-functions.config.ts";
import { buildHalves, plainFunctions } from "./esbuild-halves.config.ts";

// Bundles src/ into dist/: plain imports of oclif, undici and zod cost 45 to 75 ms each.
//
// The command line is two files, in which modules that are imported with `import()` sleep until they
// are used: Node's loader takes 1 to 2 ms for each file of an ES module graph, more than V8 takes to
// read code that is not run.  How they are divided: esbuild-halves.config.ts.  In front of them stands
// dist/cli/main.cjs, which brings the code that V8 compiled before (src/cli/code-cache.ts).  All are
// CommonJS: for a single file, too, Node's loader of ES modules takes milliseconds more.

const root = import.meta.dirname;
const out = join(root, "dist");

/** Where each bundle starts; the keys are paths below dist/. */
const entryPoints: Record<string, string> = {
  // These run inside a user namespace as a second Node, so they are programs of their own.
  "cli/unpack-worker": "src/layer/worker/main.ts",
  "cli/inside-worker": "src/layer/inside/main.ts",
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

/** Modules of Node that take a millisecond or more to load: loaded at the first use. */
const heavyBuiltins = new Set([
  "node:child_process",
  "node:crypto",
  "node:dgram",
  "node:events",
  "node:fs/promises",
  "node:module",
  "node:net",
  "node:os",
  "node:stream",
  "node:timers/promises",
  "node:tty",
  // In Bun, which has its own modules as text.
  "node:util",
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
    onResolve({ filter: /^node:/ }, ({ path, kind, importer }) => {
      if (kind === "require-call") return undefined;
      // One for each importer of a heavy one: it is loaded for the members that this one reads.
      const suffix = heavyBuiltins.has(path) ? `?${importer}` : "";
      return { path, suffix, namespace: "builtin", sideEffects: false };
    });
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
        heavyBuiltins.has(path)
          ? "export default /* @__PURE__ */ new Proxy({}, { get: (_, name) => load()[name] });"
          : "export default /* @__PURE__ */ (() => load())();",
      ].join("\n");
      return { contents, loader: "js" };
    });
  },
};

/** Packages that few commands need, and what src imports of each: the package, or modules below it. */
const apartPackages: ReadonlyMap<string, Set<string>> = new Map([
  ["undici", new Set()],
  ["@sigstore/verify", new Set()],
  ["smol-toml", new Set()],
]);

/** `./undici.cjs`, `./verify.cjs`, `./smol-toml.cjs` */
const apartFile = (name: string): string => `./${name.slice(name.indexOf("/") + 1)}.cjs`;

/**
 * Each command pays for every byte of the command line's file.  So these packages, undici alone
 * larger than all the rest, are files of their own, which give a module when somebody wakes it up.
 */
const packagesApart: Plugin = {
  name: "packages-apart",
  setup: ({ onResolve, onLoad }) => {
    for (const [name, paths] of apartPackages) {
      const file = apartFile(name);
      onResolve({ filter: new RegExp(`^${name}($|/)`) }, ({ path }) => ({
        path,
        namespace: "apart",
        pluginData: { file, paths },
      }));
      onResolve({ filter: new RegExp(`^${file.replaceAll(".", "\\.")}$`) }, ({ path }) => ({
        path,
        external: true,
      }));
    }
    onLoad({ filter: /.*/, namespace: "apart" }, ({ path, pluginData }) => {
      const { file, paths } = pluginData as { file: string; paths: Set<string> };
      paths.add(path);
      return { contents: `module.exports = require("${file}")["${path}"]();`, loader: "js" };
    });
  },
};

/** By renaming, since somebody may be starting tsman at this moment. */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}`, content);
  await rename(`${path}.${process.pid}`, path);
}

const present = Object.entries(entryPoints).filter(([name, source]) => {
  const exists = existsSync(join(root, source));
  if (!exists) console.warn(`skip dist/${name}.js: ${source} does not exist`);
  return exists;
});
if (present.length === 0) {
  console.error("bundle: no entry point exists");
  process.exit(1);
}

const shared = {
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
  write: false,
  logLevel: "warning",
} satisfies BuildOptions;

/** For files that are CommonJS although the sources are not. */
const commonJs = {
  outExtension: { ".js": ".cjs" },
  format: "cjs",
  banner: {},
  define: {
    "import.meta.url": "__filename",
    "import.meta.filename": "__filename",
    "import.meta.dirname": "__dirname",
  },
} satisfies BuildOptions;

/** For what becomes smaller later, with a map from there to the sources (esbuild-functions.config.ts). */
const mapped = { sourcemap: "inline", sourcesContent: false } satisfies BuildOptions;

const [halves, modules, mains, oci] = await Promise.all([
  buildHalves({ ...shared, ...commonJs, ...mapped, plugins: [lazyOclif, packagesApart, builtins] }),
  build({
    ...shared,
    entryPoints: Object.fromEntries(present),
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
  }),
  build({
    ...shared,
    ...commonJs,
    entryPoints: { "cli/main": "src/cli/main.ts", "cli/oci-main": "src/cli/oci-main.ts" },
    // Compiled anew by each process, comments and all.
    minifyWhitespace: true,
    minifyIdentifiers: true,
    legalComments: "none",
    plugins: [builtins],
  }),
  build({
    ...shared,
    ...commonJs,
    ...mapped,
    entryPoints: { "cli/oci-app": "src/cli/oci-app.ts" },
    plugins: [packagesApart, builtins],
  }),
]).catch((error: unknown) => {
  // esbuild has printed what it found.
  if (!(error instanceof Error && "errors" in error)) console.error(String(error));
  process.exit(1);
});
const { outdir: _, ...sharedFile } = shared;
const apart = await Promise.all(
  [...apartPackages].map(
    async ([name, paths]) =>
      await build({
        ...sharedFile,
        stdin: {
          contents: [...paths]
            .map((path) => `exports["${path}"] = () => require("${path}");`)
            .join("\n"),
          resolveDir: root,
        },
        outfile: join(out, "cli", apartFile(name)),
        format: "cjs",
        banner: {},
      }),
  ),
);
const programs = {
  "app.cjs": halves.app.program,
  "rest.cjs": halves.rest.program,
  "oci-app.cjs": plainFunctions(
    oci.outputFiles.find(({ path }) => path.endsWith(".cjs"))?.text ?? "",
  ),
};
const functions = await asFunctions(programs);
const withoutBun = await compileForBun(root, functions["oci-app.cjs"] ?? "");
if (withoutBun !== undefined) console.warn(`tsman-oci will be run by Node: ${withoutBun}`);
const outputs = [
  ...Object.entries(functions).map(([name, text]) => ({
    path: join(out, "cli", name),
    contents: Buffer.from(text, "latin1"),
  })),
  ...Object.entries(halves).flatMap(([name, { notices }]) =>
    notices === ""
      ? []
      : [{ path: join(out, "cli", `${name}.cjs.LEGAL.txt`), contents: Buffer.from(notices) }],
  ),
  ...[modules, mains, ...apart].flatMap(({ outputFiles }) =>
    outputFiles.map(({ path, contents, text }) => ({
      path,
      contents: path.endsWith(".cjs") ? Buffer.from(toAscii(text), "latin1") : contents,
    })),
  ),
];
for (const { path, contents } of outputs) await replaceFile(path, contents);

// Chunk names carry a hash: what an earlier build left behind would pile up.
const written = new Set(outputs.map(({ path }) => path));
for (const folder of ["cli", "chunks", "lib"]) {
  const names = await readdir(join(out, folder), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !written.has(path)) await rm(path, { force: true });
  }
}

const size = outputs.reduce((sum, { contents }) => sum + contents.byteLength, 0);
console.log(
  `bundled ${relative(root, out)}/cli/main.cjs and ${present.map(([name]) => `${name}.js`).join(", ")}: ` +
    `${written.size} files, ${Math.round(size / 1024)} KiB`,
);
