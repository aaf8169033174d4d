import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { projectRoot, useStore } from "../integration/support.ts";

// S98: the npm package brings compiled programs.  No hash of theirs is looked at when they are
// executed: it would stand in dist/cli, which whoever can exchange the one can exchange too, and
// npm compares the whole package with the lock file's integrity.  What can be looked at is that
// the programs are made of these sources and of nothing else, and that no script makes others.

const store = useStore();
const libexec = join(projectRoot, "dist/libexec");

interface Package {
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

describe("the programs in the npm package", () => {
  it("are, to the byte, what these sources give in another place", async () => {
    const [build, out] = ["build", "out"].map((name) => join(store().scratch, name));
    const place = [`BUILD=${build}`, `OUT=${out}`];
    await promisify(execFile)("make", ["-s", "-C", join(projectRoot, "native"), ...place], {
      // Neither the time nor the language of whoever builds is in them.
      env: { PATH: process.env.PATH, HOME: store().scratch, TZ: "Asia/Tokyo", LANG: "C" },
    });
    const made = readdirSync(out as string).sort();
    expect(made).toEqual(["process.node", "tsman-native", "tsman-seccomp"]);
    const differing = made.filter(
      (name) => !readFileSync(join(out as string, name)).equals(readFileSync(join(libexec, name))),
    );
    expect(differing, "is dist/libexec older than native/? bin/build").toEqual([]);
  });

  it("are complete without any script: an installation needs none", () => {
    const read = (name: string) => JSON.parse(readFileSync(join(projectRoot, name), "utf8"));
    const { scripts } = read("package.json") as { readonly scripts: Record<string, string> };
    const atInstallation = /^(?:pre|post)?(?:install|prepare|publish|pack)|^dependencies$/;
    expect(Object.keys(scripts).filter((name) => atInstallation.test(name))).toEqual([]);
    const { packages } = read("package-lock.json") as {
      readonly packages: Readonly<Record<string, Package>>;
    };
    const withScripts = Object.entries(packages)
      .filter(([, { dev, hasInstallScript }]) => hasInstallScript === true && dev !== true)
      .map(([path]) => path);
    // koffi's compiles where no package of @koromix's has it compiled.
    expect(withScripts).toEqual(["node_modules/koffi"]);
    expect(Object.keys(packages)).toEqual(
      expect.arrayContaining(
        ["x64", "arm64"].map((name) => `node_modules/@koromix/koffi-linux-${name}`),
      ),
    );
  });
});
