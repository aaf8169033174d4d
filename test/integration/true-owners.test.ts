import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { TestStore, type TsmanResult } from "./support.ts";
import { runWrapped } from "./wrapped.ts";

const words = (text: string) => text.split(" ");

const layer = new TarBuilder()
  .dir("d", { uid: 70_000, gid: 70_001, mode: 0o2755 })
  .file("d/beyond", "x", { uid: 70_000, gid: 70_001, mode: 0o4755 })
  .file("d/www", "x", { uid: 33, gid: 33, mode: 0o640 })
  .build();

/** Owners and modes as an archive says them. */
function ownersIn(archive: string): readonly string[] {
  const { stdout } = spawnSync("tar", ["--numeric-owner", "-tvf", archive, "d"], {
    encoding: "utf8",
  });
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/ +/))
    .map(([mode, owner, , , , name]) => `${name} ${mode} ${owner}`)
    .sort();
}

const expected = [
  "d/ drwxr-sr-x 70000/70001",
  "d/beyond -rwsr-xr-x 70000/70001",
  "d/www -rw-r----- 33/33",
];

type Run = (...args: string[]) => Promise<Pick<TsmanResult, "status" | "stderr">>;

it.each([
  [
    "with a range that ends before them",
    (store: TestStore): Run =>
      (...args) =>
        store.run(args),
  ],
  [
    "with one id",
    (store: TestStore): Run =>
      (...args) =>
        runWrapped(store, ["unshare", "--map-root-user", "--"], args),
  ],
])(
  "owners that no file here can have come back in export, commit and what is made of it: %s",
  async (_, runIn) => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    const run = runIn(store);
    const succeed = async (text: string): Promise<void> => {
      const { status, stderr } = await run(...words(text));
      if (status !== 0) throw new Error(`${text}: ${stderr}`);
    };
    addImage(registry, { name: "owners", layers: [layer] });
    await succeed(`create --quiet --name one ${registry.host}/owners /none`);
    const archive = (name: string) => join(store.scratch, `${name}.tar`);
    await succeed(`export --output ${archive("one")} one`);
    expect(ownersIn(archive("one"))).toEqual(expected);
    writeFileSync(join(store.scratch, "new"), "new\n");
    await succeed(`cp ${join(store.scratch, "new")} one:/new`);
    for (const options of ["--squash", "--quiet"]) {
      await succeed(`commit ${options} one made`);
      await succeed("create --name two made /none");
      await succeed(`export --output ${archive("two")} two`);
      expect(ownersIn(archive("two"))).toEqual(expected);
      await succeed("rm two");
    }
  },
);
