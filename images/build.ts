import { mkdir, readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { assemble } from "./assemble.ts";
import type { Recipe } from "./recipe.ts";

const usage = `bin/node images/build.ts [--out DIR] [--all] [--bench] [NAME...]

Writes images as OCI layouts to DIR/NAME (dist/images/NAME).
Without names: what ships with tsman; with --all also what the tests need; with --bench also the
large image of the benchmark.`;

/** Names of all recipes. */
async function listRecipes(): Promise<string[]> {
  const entries = await readdir(import.meta.dirname, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

async function loadRecipe(name: string): Promise<Recipe> {
  const module = (await import(join(import.meta.dirname, name, "recipe.ts"))) as {
    default: Recipe;
  };
  return module.default;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: "string" },
      all: { type: "boolean", default: false },
      bench: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const out = resolve(values.out ?? join(import.meta.dirname, "../dist/images"));
  await mkdir(out, { recursive: true });
  const known = await listRecipes();
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`no recipe ${unknown.join(", ")}: there are ${known.join(", ")}`);
  }
  for (const name of positionals.length > 0 ? positionals : known) {
    // The default build must not run, nor fail in, what only tests need.
    if (positionals.length === 0 && !values.all && !values.bench && name !== "busybox") continue;
    const recipe = await loadRecipe(name);
    const wanted =
      positionals.includes(name) ||
      recipe.built === "always" ||
      (values.all && recipe.built !== "for the benchmark") ||
      (values.bench && recipe.built === "for the benchmark");
    if (!wanted) continue;
    const root = await assemble(recipe, {
      name: `localhost/${basename(name)}:latest`,
      directory: join(out, name),
    });
    console.log(`${name}\t${root.digest}`);
  }
}

try {
  await main();
} catch (error) {
  console.error(`build images: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
