import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise, type IConfiguration, type ICruiseResult } from "dependency-cruiser";
import { afterEach, describe, expect, it } from "vitest";
import { root } from "./sources.ts";

const configuration = createRequire(import.meta.url)(
  join(root, ".dependency-cruiser.cjs"),
) as IConfiguration & { readonly options: object };

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Names of the rules that a tree of these files breaks. */
async function brokenRules(files: Readonly<Record<string, string>>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "tsman-layers-"));
  directories.push(directory);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return (await violations(directory)).map((violation) => violation.rule.name);
}

async function violations(baseDir: string) {
  const { options, ...ruleSet } = configuration;
  const { output } = await cruise(["src"], { ...options, ruleSet, validate: true, baseDir });
  return (output as ICruiseResult).summary.violations;
}

describe("the layers", () => {
  it("hold in src", async () => {
    const found = (await violations(root)).map(
      ({ rule, from, to }) => `${rule.name}: ${from} → ${to}`,
    );
    expect(found).toEqual([]);
  });

  it("let a layer import what stands below it", async () => {
    const broken = await brokenRules({
      "src/engine/a.ts": 'import { b } from "../store/b.ts"; export const a = b;',
      "src/store/b.ts": 'import { c } from "../errors/c.ts"; export const b = c;',
      "src/errors/c.ts": "export const c = 1;",
    });
    expect(broken).toEqual([]);
  });

  it.each([
    ["cli", "commands", "cli-import-down-only"],
    ["engine", "cli", "engine-import-down-only"],
    ["network", "engine", "services-import-down-only"],
    ["config", "runtime", "oci-config-import-down-only"],
    ["platform", "config", "platform-import-down-only"],
    ["errors", "platform", "errors-import-down-only"],
    ["layer", "store", "service-layer-stands-alone"],
    ["oci", "config", "oci-is-pure"],
  ])("refuse that %s imports %s", async (from, to, rule) => {
    const broken = await brokenRules({
      [`src/${from}/a.ts`]: `import { b } from "../${to}/b.ts"; export const a = b;`,
      [`src/${to}/b.ts`]: "export const b = 1;",
    });
    expect(broken).toContain(rule);
  });

  it("see an import that is made at run time", async () => {
    const broken = await brokenRules({
      "src/platform/a.ts": 'export const a = await import("../engine/b.ts");',
      "src/engine/b.ts": "export const b = 1;",
    });
    expect(broken).toContain("platform-import-down-only");
  });

  it("see an import in a declaration that disposes of what it made", async () => {
    const broken = await brokenRules({
      "src/platform/a.ts": 'await using a = await import("../engine/b.ts");',
      "src/engine/b.ts": "export const b = 1;",
    });
    expect(broken).toContain("platform-import-down-only");
  });

  it("let services share types", async () => {
    const broken = await brokenRules({
      "src/layer/a.ts": 'import type { B } from "../store/b.ts"; export const a: B = 1;',
      "src/store/b.ts": "export type B = number;",
    });
    expect(broken).toEqual([]);
  });

  it.each([
    ["engine", "node:child_process", "confine-child-process"],
    ["engine", "child_process", "confine-child-process"],
    ["engine", "node:sqlite", "confine-sqlite"],
    ["oci", "node:fs", "oci-is-pure"],
    ["oci", "node:fs/promises", "oci-is-pure"],
  ])("refuse %s the module %s", async (from, module, rule) => {
    const broken = await brokenRules({
      [`src/${from}/a.ts`]: `import { x } from "${module}"; export const a = x;`,
    });
    expect(broken).toContain(rule);
  });

  it.each([
    ["engine", "undici", "confine-undici"],
    ["registry", "tar-stream", "confine-tar-stream"],
    ["runtime", "koffi", "confine-koffi"],
    ["engine", "@oclif/core", "confine-oclif"],
    ["oci", "zod", "zod-mini-only"],
  ])("refuse %s the library %s", async (from, library, rule) => {
    const broken = await brokenRules({
      [`src/${from}/a.ts`]: `import { x } from "${library}"; export const a = x;`,
      "package.json": JSON.stringify({ dependencies: { [library]: "1.0.0" } }),
      [`node_modules/${library}/package.json`]: JSON.stringify({ name: library, main: "i.js" }),
      [`node_modules/${library}/i.js`]: "exports.x = 1;",
    });
    expect(broken).toContain(rule);
  });

  it("refuse a cycle", async () => {
    const broken = await brokenRules({
      "src/oci/a.ts": 'import { b } from "./b.ts"; export const a = () => b;',
      "src/oci/b.ts": 'import { a } from "./a.ts"; export const b = () => a;',
    });
    expect(broken).toContain("no-cycles");
  });
});
