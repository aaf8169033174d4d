import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useStore } from "./support.ts";

// What Docker's documentation says of `cp` in its table, and what Docker and Podman do where that
// is silent: the same into a container that runs, into one that does not, and out of it.
const store = useStore();
const words = (text: string) => text.split(" ");

/** What is at both ends before each copy. */
const files = ["file", "d/one", "d/sub/two", "full/in"];
const links = { lfile: "file", ldir: "empty", dangling: "empty/made" };

function fill(root: string): void {
  for (const name of ["d/sub", "full", "empty"]) mkdirSync(join(root, name), { recursive: true });
  for (const name of files) writeFileSync(join(root, name), `${name}\n`);
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
}

/** Regular files below a directory; Node's own recursion follows links. */
function filesOf(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.isFile() ? [path] : [];
  });
}

/** A line for each file that was not there before: its path, and the content's first line. */
function listed(directory: string): string[] {
  const before = new Set(files.map((name) => `${name}=${name}`));
  return filesOf(directory)
    .map((path) => `${relative(directory, path)}=${readFileSync(path, "utf8").split("\n")[0]}`)
    .filter((line) => !before.has(line))
    .sort();
}

/** Source, destination, and what there is then; or a part of the refusal. */
const rules: readonly (readonly [from: string, to: string, after: readonly string[] | string])[] = [
  ["file", "new", ["new=file"]],
  ["file", "new/", "does not exist"],
  ["file", "full/in", ["full/in=file"]],
  ["file", "full/in/", "no directory"],
  ["file", "empty", ["empty/file=file"]],
  ["file", "empty/", ["empty/file=file"]],
  ["file", "empty/.", ["empty/file=file"]],
  ["file", "none/x", "does not exist"],
  ["file", "ldir", ["empty/file=file"]],
  ["d/one", "lfile", ["file=d/one"]],
  ["file", "dangling", ["empty/made=file"]],
  ["d", "new", ["new/one=d/one", "new/sub/two=d/sub/two"]],
  ["d/.", "new", ["new/one=d/one", "new/sub/two=d/sub/two"]],
  ["d", "new/", ["new/one=d/one", "new/sub/two=d/sub/two"]],
  ["d", "file", "no directory"],
  ["d/.", "file", "no directory"],
  ["d", "lfile", "no directory"],
  ["d", "empty", ["empty/d/one=d/one", "empty/d/sub/two=d/sub/two"]],
  ["d/", "empty/", ["empty/d/one=d/one", "empty/d/sub/two=d/sub/two"]],
  ["d/.", "empty", ["empty/one=d/one", "empty/sub/two=d/sub/two"]],
  ["d/.", "full", ["full/one=d/one", "full/sub/two=d/sub/two"]],
  ["d", "ldir", ["empty/d/one=d/one", "empty/d/sub/two=d/sub/two"]],
  ["d/sub", "dangling", ["empty/made/two=d/sub/two"]],
  ["d", "none/x", "does not exist"],
  ["lfile", "new", ["new=file"]],
  ["ldir/.", "full", []],
  ["nothing", "new", "no such file or directory"],
  ["dangling", "new", "no such file or directory"],
  ["file/", "new", "no directory"],
];

/** The other ways go through other code up to where the rules are, and the same from there on. */
const someRules = rules.filter(([from, to]) =>
  /^(?:file new.?|file full.in|file none.x|file dangling|d new|d file|d.\. empty|d none.x|nothing new)$/.test(
    `${from} ${to}`,
  ),
);

const ran = "rules-running";
const idle = "rules-idle";

beforeAll(async () => {
  const volume = join(store().scratch, "there");
  mkdirSync(volume);
  await store().succeed([
    ...words(`run -d --quiet --network none --name ${ran} -v ${volume}:/there -w /there`),
    ...words("busybox sleep 1000"),
  ]);
  await store().succeed([
    ...words(`create --quiet --network none --name ${idle} -v ${volume}:/there -w /there`),
    ...words("busybox true"),
  ]);
});

afterAll(async () => {
  await store().succeed(["rm", "--force", "--all"]);
});

/** Empties and fills both ends. */
function reset(): { readonly here: string; readonly there: string } {
  const [here, there] = ["here", "there"].map((name) => join(store().scratch, name)) as [
    string,
    string,
  ];
  rmSync(here, { recursive: true, force: true });
  mkdirSync(here);
  fill(here);
  // Of the container's root, who is the caller; the directory itself is mounted.
  for (const name of readdirSync(there)) rmSync(join(there, name), { recursive: true });
  fill(there);
  return { here, there };
}

describe.each([
  ["into a container that runs", rules, (from, to) => [from, `${ran}:${to}`]],
  ["into one that does not", someRules, (from, to) => [from, `${idle}:/there/${to}`]],
  ["out of a container", someRules, (from, to) => [`${ran}:${from}`, to]],
] satisfies [string, typeof rules, (from: string, to: string) => string[]][])(
  "cp %s",
  (way, rows, endsOf) => {
    it.each(rows)("%s to %s", async (from, to, after) => {
      const { here, there } = reset();
      const { status, stderr } = await store().run(["cp", ...endsOf(from, to)], { cwd: here });
      const result = listed(way === "out of a container" ? here : there);
      if (typeof after === "string") {
        expect([status, result]).toEqual([125, []]);
        // On this host the kernel says it.
        const said = after === "does not exist" ? /does not exist|no such file/ : after;
        expect(stderr).toMatch(said);
      } else expect([stderr, status, result]).toEqual(["", 0, after]);
    });
  },
);

describe("cp", () => {
  it("names what is not there as it was written", async () => {
    for (const [from, to, said] of [
      ["./nothing", `${ran}:/x`, "copy ./nothing: no such file"],
      [`${ran}:/nothing`, ".", `copy ${ran}:/nothing: no such file`],
      ["/etc/passwd", "nobody:/x", '"nobody": no such container'],
      ["file", "other", "neither end is in a container"],
      ["file", `${ran}:`, "the path is missing"],
    ] as const) {
      const { status, stderr } = await store().run(["cp", from, to]);
      expect([from, status]).toEqual([from, 125]);
      expect(stderr).toContain(said);
    }
  });

  it("replaces a file by a directory with --overwrite only", async () => {
    const { here, there } = reset();
    await store().succeed(["cp", "--overwrite", "d", `${ran}:file`], { cwd: here });
    expect(readFileSync(join(there, "file/sub/two"), "utf8")).toBe("d/sub/two\n");
  });

  it("takes an archive from - as it comes or compressed, and refuses what is none", async () => {
    const { here, there } = reset();
    const archive = spawnSync("tar", ["-c", "d/one"], { cwd: here }).stdout;
    for (const input of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
      rmSync(join(there, "empty"), { recursive: true });
      mkdirSync(join(there, "empty"));
      await store().succeed(["cp", "-", `${ran}:empty`], { input });
      expect(readFileSync(join(there, "empty/d/one"), "utf8")).toBe("d/one\n");
    }
    for (const [input, to, said] of [
      ["", "empty", "there is no archive"],
      ["no archive\n", "empty", "truncated"],
      [`\xfd7zXZ${"\0".repeat(600)}`, "empty", "compressed with xz"],
      [archive, "nothing", "does not exist: an archive needs a directory"],
      [archive, "file", "no directory"],
    ] as const) {
      const bytes = typeof input === "string" ? Buffer.from(input, "latin1") : input;
      const { status, stderr } = await store().run(["cp", "-", `${ran}:${to}`], { input: bytes });
      expect(status).toBe(125);
      expect(stderr).toContain(said);
    }
  });

  it("gives an archive to -, under the name of the source or only what is in it", async () => {
    const { there } = reset();
    spawnSync("sh", ["-c", "rm -r dangling ldir lfile"], { cwd: there });
    for (const [path, names] of [
      ["d", ["d/", "d/one", "d/sub/", "d/sub/two"]],
      ["d/.", ["./", "one", "sub/", "sub/two"]],
      ["file", ["file"]],
    ] as const) {
      const { stdoutBytes } = await store().succeed(["cp", `${ran}:${path}`, "-"]);
      const { stdout } = spawnSync("tar", ["-t"], { input: stdoutBytes, encoding: "utf8" });
      expect(stdout.trim().split("\n")).toEqual(names);
    }
  });
});
