import { join, relative } from "node:path";
import { type BuildOptions, build, type ImportKind, type Plugin } from "esbuild";

// The command line in two files.  A process pays for each byte of its program, used or not: the text
// is read, V8 makes a function object for each function in it.  So app.cjs holds what is used every
// day and rest.cjs everything else, which is read when a module of it is first imported.
//
// Both halves are complete programs for esbuild, in which the other half's modules are stand-ins:
// app.cjs exports a function that gives its modules by their path, rest.cjs an object of such
// functions.  So each module exists once.

/** What people wait for: the modules from which the first half follows, by their static imports. */
const hotRoots = [
  "src/cli/app.ts",
  ...["attach", "create", "exec", "logs", "ps", "rm", "run", "start", "stop"].map(
    (verb) => `src/commands/${verb}.ts`,
  ),
  "src/cli/session/earlier-session.ts",
  "src/engine/index.ts",
  ...["create", "exec", "run", "start", "stop"].map(
    (verb) => `src/engine/containers/${verb}-container.ts`,
  ),
];

/** The modules of packages that the first half may have: what parses options that are right. */
const hotPackages = /^@oclif\/core\/lib\/(parser\/(index|parse|validate)|util\/util)\.js$/;

/** What both halves are built with. */
type Shared = BuildOptions & { readonly absWorkingDir: string; readonly plugins: Plugin[] };

/** A module on its way from one half to the other: how it is asked for, and its path in the project. */
interface Crossing {
  readonly path: string;
  readonly kind: ImportKind;
}

/** What esbuild makes of a half. */
export interface Half {
  /** A CommonJS module. */
  readonly program: string;
  /** What the licences of the packages in it want to be told, or nothing. */
  readonly notices: string;
}

/** What becomes `dist/cli/app.cjs` and `dist/cli/rest.cjs`. */
export async function buildHalves(shared: Shared): Promise<{ app: Half; rest: Half }> {
  const { hot, toRest } = await divide(shared);
  const wanted = new Set<string>();
  const rest = await buildHalf(
    shared,
    [...toRest].map(([path, kind]) => `exports["${path}"] = () => ${load(kind, path)};`),
    "hot",
    ({ path }) => hot.has(path),
    ({ path }) => {
      wanted.add(path);
      return { contents: `module.exports = require("./app.cjs")("${path}");` };
    },
  );
  const cases = [...wanted].sort().map((path) => `case "${path}": return require("./${path}");`);
  const app = await buildHalf(
    shared,
    [
      `module.exports = (path) => { switch (path) { ${cases.join("\n")} } };`,
      'require("./src/cli/app.ts");',
    ],
    "rest",
    ({ path }) => !hot.has(path),
    ({ path, kind }) => {
      const asked = `require("./rest.cjs")["${path}"]()`;
      if (kind !== "dynamic-import") return { contents: `module.exports = ${asked};` };
      // The module whose import this stands for is a promise there, and import() awaits whatever
      // has a `then`.
      return { contents: `export const then = (done, fail) => ${asked}.then(done, fail);` };
    },
  );
  return { app, rest };
}

function load(kind: ImportKind, path: string): string {
  return kind === "dynamic-import" ? `import("./${path}")` : `require("./${path}")`;
}

/** Every import of the whole program decides: what is hot, and how the hot half enters the other. */
async function divide(
  shared: Shared,
): Promise<{ hot: ReadonlySet<string>; toRest: ReadonlyMap<string, ImportKind> }> {
  const { metafile } = await build({
    ...shared,
    entryPoints: { app: "src/cli/app.ts" },
    metafile: true,
  });
  const inputs = new Map(Object.entries(metafile.inputs));
  const missing = hotRoots.filter((root) => !inputs.has(root));
  if (missing.length > 0) throw new Error(`divide the bundle: there is no ${missing.join(", ")}`);
  const hot = new Set(hotRoots);
  const toRest = new Map<string, ImportKind>();
  for (const module of hot) {
    for (const { path, kind, external } of inputs.get(module)?.imports ?? []) {
      const isOurs = !(external ?? false) && !/^[\w-]+:/.test(path);
      if (!isOurs || hot.has(path)) continue;
      const isHot = packagePath(path) === undefined || hotPackages.test(packagePath(path) ?? "");
      if (isHot && kind !== "dynamic-import") hot.add(path);
      else if (kind !== "import-statement") toRest.set(path, kind);
      else {
        throw new Error(`${module} imports ${path}: what every command loads needs no package;
import() it where it is used, or leave ${module} out of what is hot (esbuild-halves.config.ts)`);
      }
    }
  }
  for (const path of hot) toRest.delete(path);
  return { hot, toRest };
}

/** `@oclif/core/lib/index.js` of the path of a package's module, from the project or a linked folder. */
function packagePath(path: string): string | undefined {
  return /(?:^|\/)node_modules\/(.*)$/.exec(path)?.[1];
}

async function buildHalf(
  shared: Shared,
  lines: readonly string[],
  namespace: string,
  isOther: (crossing: Crossing) => boolean,
  standIn: (crossing: Crossing) => { contents: string },
): Promise<Half> {
  const { outdir: _, ...options } = shared;
  const { outputFiles } = await build({
    ...options,
    stdin: { contents: lines.join("\n"), resolveDir: shared.absWorkingDir, sourcefile: namespace },
    outfile: join(shared.absWorkingDir, "dist/cli", `beside-${namespace}.cjs`),
    plugins: [crossings(shared.absWorkingDir, namespace, isOther, standIn), ...shared.plugins],
    write: false,
  });
  const text = (suffix: string): string =>
    outputFiles.find(({ path }) => path.endsWith(suffix))?.text ?? "";
  return {
    program: plainFunctions(text(".cjs"), lazyNamespaces),
    notices: text(".LEGAL.txt"),
  };
}

/**
 * For each module that somebody imports as a whole, esbuild defines one property per export when the
 * program starts: 5 ms for our three hundred modules.  Here each is filled when it is first asked for.
 */
function lazyNamespaces(program: string): string {
  const lazy = program
    .replace(/^__export\((\w+_exports), (\{\n(?: {2}.*\n)*?\})\);$/gm, "__later($1, () => ($2));")
    .replace(/(\binit_\w+\(\), )(\w+_exports)\)/g, "$1__now($2))")
    .replace(/\b__toCommonJS\((\w+_exports)\)/g, "__toCommonJS(__now($1))");
  const known = /\b(?:__later|__now)\(\w+_exports\b|\b\w+_exports = \{\}/g;
  const unknown = /.*\b\w+_exports\b.*/.exec(lazy.replace(known, ""));
  if (unknown !== null) {
    throw new Error(
      `fill namespaces when asked for: esbuild uses one in another way: ${unknown[0]}`,
    );
  }
  const before = `var __waiting = new Map();
function __later(namespace, getters) { __waiting.set(namespace, getters); }
function __now(namespace) {
  const getters = __waiting.get(namespace);
  if (__waiting.delete(namespace)) __export(namespace, getters());
  return namespace;
}`;
  // In one line with what follows: the map to the sources goes by lines.
  return before.replaceAll("\n", " ") + lazy;
}

/**
 * esbuild keeps each module as the one method of an object, so that profilers show its path.  Objects
 * of three hundred different shapes cost a start 4 M instructions; functions cost none of that.
 *
 * @param text a program with an inline map, for which lines stay what they are.
 * @param change of the program without its map.
 */
export function plainFunctions(
  text: string,
  change = (program: string): string => program,
): string {
  // The map comes last, in a line of megabytes, for which patterns take minutes.
  const [program = "", map = ""] = text.split("//# sourceMappingURL=");
  const plain = change(program)
    .replace(/(\b\w+ = __(?:esm|commonJS)\()\{\n {2}"[^"\n]+"(?=\()/g, "$1\nfunction")
    .replace(/^ {2}\}\n\}\);$/gm, "}\n);")
    .replace(
      /\((\w+)\[__getOwnPropNames\(\1\)\[0\]\]\)|\(0, (\w+)\[__getOwnPropNames\(\2\)\[0\]\]\)/g,
      "$1$2",
    );
  const unknown = /.*(?:__getOwnPropNames\(\w+\)\[0\]|__(?:esm|commonJS)\(\{).*/.exec(plain);
  if (unknown !== null) {
    throw new Error(`keep modules as functions: esbuild writes one in another way: ${unknown[0]}`);
  }
  return `${plain}//# sourceMappingURL=${map}`;
}

function crossings(
  root: string,
  namespace: string,
  isOther: (crossing: Crossing) => boolean,
  standIn: (crossing: Crossing) => { contents: string },
): Plugin {
  return {
    name: "crossings",
    setup: ({ onResolve, onLoad, resolve }) => {
      onResolve({ filter: /^\.\/(app|rest)\.cjs$/ }, ({ path }) => ({ path, external: true }));
      onResolve({ filter: /.*/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (pluginData === resolving || path.startsWith("node:")) return undefined;
        const found = await resolve(path, { kind, importer, resolveDir, pluginData: resolving });
        if (found.errors.length > 0 || found.external || found.namespace !== "file")
          return undefined;
        const crossing = { path: relative(root, found.path), kind };
        // The same module may be asked for in two ways, which are two stand-ins.
        return isOther(crossing)
          ? { path: crossing.path, suffix: `?${kind}`, namespace, pluginData: crossing }
          : undefined;
      });
      onLoad({ filter: /.*/, namespace }, ({ pluginData }) => standIn(pluginData as Crossing));
    },
  };
}

/** Marks our own questions to esbuild, which come by here as well. */
const resolving = Symbol("resolving");
