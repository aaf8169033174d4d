import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { compileProbe } from "./probe.ts";
import { fingerprint, useStage } from "./run-stage.ts";

// S69: CVE-2018-15664, CVE-2019-10152, CVE-2019-18466, and S71, S72: a container exchanges a
// directory for a symbolic link while files are copied, exported or compared there.  Each copy looks
// up thousands of names in the directory that is being exchanged.
const stage = useStage();
const files = 1000;
let image: string;
let secrets: string;

/** Names that the container's directory and the host's have both. */
const nameOf = (index: number) => `f${String(index).padStart(4, "0")}`;

beforeAll(() => {
  secrets = stage().directory();
  for (let index = 0; index < files; index += 1) {
    writeFileSync(join(secrets, nameOf(index)), "secret of the host\n");
  }
  const layer = new TarBuilder()
    .file("bin/swap", compileProbe("swap"), { mode: 0o755 })
    .dir("work")
    .dir("work/a");
  for (let index = 0; index < files; index += 1) layer.file(`work/a/${nameOf(index)}`, "own\n");
  image = stage().image({ layers: [layer] });
});

/**
 * Starts a container that exchanges /race/a and /race/b, a link to `target`, for ever.  The directory
 * is a copy: overlayfs renames none of the image's.
 */
async function swapper(target: string, ...options: readonly string[]) {
  const script = `mkdir /race; cp -r /work/a /race; ln -s '${target}' /race/b; exec swap /race a b`;
  const container = await stage().background(...options, image, "sh", "-c", script);
  await until("the names to be exchanged", async () => {
    const { stdout } = await stage().store.succeed(["logs", container.id]);
    return stdout.includes("swapping") ? true : undefined;
  });
  return container;
}

const targets: readonly (readonly [string, () => string, readonly string[]])[] = [
  ["an absolute link", () => secrets, []],
  ["a link with dots", () => `${"../".repeat(20)}${secrets.slice(1)}`, []],
  ["a link through /proc/1/root", () => `/proc/1/root${secrets}`, []],
  ["a link through /proc/self/cwd", () => `/proc/self/cwd/${secrets.slice(1)}`, []],
  [
    "a link through a process of the host",
    () => `/proc/${process.pid}/root${secrets}`,
    ["--pid=host", "--privileged"],
  ],
  [
    "a link through the descriptors of whoever copies",
    () => `/proc/self/fd/4${secrets}`,
    ["--pid=host", "--privileged"],
  ],
];

/** Everything that was copied is the container's own; says how much was there. */
function expectOwnFiles(directory: string): number {
  const names = readdirSync(directory);
  for (const name of names) {
    const content = readFileSync(join(directory, name), "latin1");
    expect([name, content.includes("secret")]).toEqual([name, false]);
  }
  return names.length;
}

describe("while the container exchanges a directory for", () => {
  it.each(targets)("%s, no file of the host is copied out or written", async (...target) => {
    const [, link, options] = target;
    const source = stage().directory();
    for (let index = 0; index < files; index += 1) {
      writeFileSync(join(source, nameOf(index)), "copied in\n");
    }
    const before = fingerprint(secrets);
    await using container = await swapper(link(), ...options);
    // Most of the time the names are looked up when the directory is not there, or half of them.
    let copied = 0;
    let rounds = 0;
    while (copied === rounds * files) {
      rounds += 1;
      const out = stage().directory();
      await stage().store.run(["cp", `${container.id}:/race/a`, `${out}/x`]);
      const names = readdirSync(out);
      // A link would lead whoever goes on with it to the host's files.
      if (names.includes("x")) expect(lstatSync(join(out, "x")).isDirectory()).toBe(true);
      if (names.includes("x")) copied += expectOwnFiles(join(out, "x"));
    }
    await stage().store.run(["cp", `${source}/.`, `${container.id}:/race/a`]);
    await stage().store.run(["cp", source, `${container.id}:/race/a/made`]);
    expect(fingerprint(secrets)).toBe(before);
    stage().expectVictimIntact();
  });

  it("a link to the host, nothing of it is exported, listed or committed", async () => {
    await using container = await swapper(secrets);
    const { store } = stage();
    const exported = await store.run(["export", container.id]);
    expect(exported.stdoutBytes.includes("secret of the host")).toBe(false);
    const listed = await store.run(["diff", container.id]);
    expect(listed.stdout).not.toContain(secrets);
    await store.run(["commit", container.id, "localhost/committed"]);
    const found = await store.run(
      "run --rm --network=none localhost/committed grep -rl secret /race".split(" "),
    );
    expect(found.stdout).toBe("");
    expect(fingerprint(secrets)).toContain(nameOf(0));
  });
});

describe("a directory of the host that a container may write", () => {
  it("keeps a copy in itself, whatever the container puts in its way", async () => {
    const shared = stage().directory();
    mkdirSync(join(shared, "a"));
    symlinkSync(secrets, join(shared, "b"));
    const before = fingerprint(secrets);
    await using container = await stage().background(
      "-v",
      `${shared}:/shared`,
      image,
      "swap",
      "/shared",
      "a",
      "b",
    );
    await stage().store.run(["cp", `${container.id}:/work/.`, shared]);
    expect(fingerprint(secrets)).toBe(before);
    stage().expectVictimIntact();
  });

  it("keeps a copy in a directory of its own, whatever is moved out of that", async () => {
    const shared = stage().directory();
    const goal = stage().directory();
    mkdirSync(join(shared, "sub"));
    const climb = new TarBuilder().file("bin/climb", compileProbe("climb"), { mode: 0o755 });
    await using container = await stage().background(
      ...["-v", `${shared}:/shared`, stage().image({ layers: [climb] }), "sh", "-c"],
      `mkdir -p /made/way; seq 2000 | (cd /made/way; xargs touch); exec climb /shared sub ${goal}`,
    );
    await until("the directories to be exchanged", async () => {
      const { stdout } = await stage().store.succeed(["logs", container.id]);
      return stdout.includes("swapping") ? true : undefined;
    });
    await stage().store.run(["cp", `${container.id}:/made/.`, join(shared, "sub")]);
    expect(readdirSync(goal)).toEqual([]);
  });

  it("gives a copy nothing but its own files", async () => {
    const shared = stage().directory();
    mkdirSync(join(shared, "a"));
    for (let index = 0; index < files; index += 1) {
      writeFileSync(join(shared, "a", nameOf(index)), "own\n");
    }
    symlinkSync(secrets, join(shared, "b"));
    await using container = await stage().background(
      "-v",
      `${shared}:/shared`,
      image,
      "swap",
      "/shared",
      "a",
      "b",
    );
    await stage().store.run(["cp", shared, `${container.id}:/in`]);
    const found = await stage().store.run([
      "exec",
      container.id,
      "sh",
      "-c",
      "grep -rl secret /in",
    ]);
    expect(found.stdout).toBe("");
  });
});
