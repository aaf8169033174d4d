import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./sources.ts";

// S103: what is installed is what was looked at.

interface PackageJson {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}

const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("package.json", () => {
  const manifest = JSON.parse(read("package.json")) as PackageJson;

  it("asks for exact versions", () => {
    const ranges = Object.entries({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    expect(ranges).toEqual([]);
  });

  it("names the same Node for every architecture", () => {
    const nodes = Object.entries(manifest.optionalDependencies)
      .filter(([name]) => name.startsWith("node-linux-"))
      .map(([, version]) => version);
    expect(nodes).toHaveLength(2);
    expect(new Set(nodes).size).toBe(1);
  });
});

describe("package-lock.json", () => {
  it("carries no download address, so that any mirror serves", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved"|https?:\/\/registry/);
  });
});

describe("package-lock.json, on a machine that it was not made on", () => {
  it("has every package of every platform, so that npm ci has nothing to look up", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { readonly optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});

describe("the top level", () => {
  it("holds folders for sources, native code, images, tests and launchers only", () => {
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .filter((name) => !["dist", "node_modules"].includes(name));
    expect(folders.sort()).toEqual(["bin", "images", "native", "src", "test"]);
  });
});
