import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isTsmanError, type TsmanError } from "../../../src/errors/index.ts";
import { migrations } from "../../../src/store/schema.ts";
import { openStore, type StorePaths } from "../../../src/store/store.ts";
import { finishWorker, scratchDirectory, startWorker, storePaths } from "./scratch-store.ts";

const isRoot = process.getuid?.() === 0;
/** Somebody else, whom root can become. */
const nobody = 65_534;

let base: string;
let paths: StorePaths;

beforeEach(() => {
  base = scratchDirectory();
  paths = storePaths(base);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function failureToOpen(where: StorePaths = paths): TsmanError {
  try {
    openStore(where).close();
  } catch (error) {
    if (isTsmanError(error)) return error;
    throw error;
  }
  throw new Error("it opened");
}

const modeOf = (file: string): string => (statSync(file).mode & 0o7777).toString(8);

describe("a new store", () => {
  // S43: unpacked setuid programs are setuid *the caller* on the host.
  it("is closed to everybody else, with all that is in it", () => {
    openStore(paths).close();
    for (const directory of [paths.root, paths.runtimeDir]) expect(modeOf(directory)).toBe("700");
    for (const name of readdirSync(paths.root)) {
      expect([name, modeOf(path.join(paths.root, name))]).toEqual([
        name,
        ["store.db", "reserve"].includes(name) ? "600" : "700",
      ]);
    }
  });

  it("is made with the directories above it, private too", () => {
    const deep = { root: path.join(base, "a/b/root"), runtimeDir: path.join(base, "c/run") };
    openStore(deep).close();
    expect(modeOf(path.join(base, "a"))).toBe("700");
  });

  it("takes over an empty directory, and closes it", () => {
    mkdirSync(paths.root);
    chmodSync(paths.root, 0o755);
    openStore(paths).close();
    expect(modeOf(paths.root)).toBe("700");
  });

  it("works below a path with characters that mean something in a URI", () => {
    const odd = { ...paths, root: path.join(base, "50%?#ü store") };
    openStore(odd).close();
    expect(readdirSync(odd.root)).toContain("store.db");
  });

  it("leaves no half-made database behind", () => {
    openStore(paths).close();
    expect(readdirSync(paths.root).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

// Loading koffi costs as much as starting Node does.
it("the store is used without koffi, and without a word on stderr", async () => {
  const worker = startWorker("say-what-is-loaded", base, ["x"]);
  expect(await finishWorker(worker)).toEqual({
    status: 0,
    signal: null,
    stdout: "no koffi\n",
    stderr: "",
  });
}, 30_000);

describe("a store that is not ours alone is refused", () => {
  it.each(["root", "runtimeDir"] as const)("%s is a symbolic link", (which) => {
    const real = path.join(base, "real");
    mkdirSync(real, { mode: 0o700 });
    symlinkSync(real, paths[which]);
    const error = failureToOpen();
    expect(error.code).toBe("PREFLIGHT_STORAGE");
    expect(error.message).toMatch(/a symbolic link/);
  });

  it.each(["root", "runtimeDir"] as const)("%s is open to others and not empty", (which) => {
    openStore(paths).close();
    writeFileSync(path.join(paths[which], "something"), "");
    chmodSync(paths[which], 0o750);
    const error = failureToOpen();
    expect(error.message).toMatch(/open to other users \(mode 0750\)/);
    expect(error.hint).toContain(`chmod 700 ${paths[which]}`);
  });

  it.each(["root", "runtimeDir"] as const)("%s belongs to somebody else", (which) => {
    // Root can give a directory away; anybody else uses one of root's.
    let foreign = "/usr";
    if (isRoot) {
      foreign = path.join(base, "foreign");
      mkdirSync(foreign, { mode: 0o700 });
      chownSync(foreign, nobody, nobody);
    }
    const error = failureToOpen({ ...paths, [which]: foreign });
    expect(error.message).toMatch(/owned by uid \d+, not by you/);
  });

  it("root is a file", () => {
    writeFileSync(paths.root, "");
    expect(failureToOpen().message).toMatch(/not a directory/);
  });
});

describe("a database that this tsman cannot use is an error that says so", () => {
  const databaseFile = (): string => path.join(paths.root, "store.db");

  it("of a newer format", () => {
    openStore(paths).close();
    const newer = migrations.length + 1;
    const database = new DatabaseSync(databaseFile());
    database.exec(`PRAGMA user_version = ${newer}`);
    database.close();
    const error = failureToOpen();
    expect(error.code).toBe("STORE_NEWER");
    expect(error.message).toContain(`its format is ${newer}`);
  });

  it("of no format at all", () => {
    openStore(paths).close();
    writeFileSync(
      databaseFile(),
      "this is not a database, and long enough to be looked at ".repeat(9),
    );
    expect(failureToOpen().code).toBe("STORE_CORRUPT");
  });

  it("in a directory without room for a name", () => {
    const error = failureToOpen({ ...paths, root: path.join(base, "x".repeat(300)) });
    expect(error.code).toBe("PREFLIGHT_STORAGE");
    expect(error.message).toMatch(/name too long/);
  });

  it("that is read-only", async () => {
    openStore(paths).close();
    chmodSync(databaseFile(), 0o400);
    chmodSync(paths.root, 0o500);
    if (isRoot) {
      // Root may write everything, so somebody else has to try.
      chmodSync(base, 0o755);
      for (const directory of [paths.runtimeDir, paths.root, databaseFile()]) {
        chownSync(directory, nobody, nobody);
      }
    }
    const worker = startWorker("create", base, ["x"], isRoot ? nobody : undefined);
    const { status, stderr } = await finishWorker(worker);
    chmodSync(paths.root, 0o700);
    expect(status).toBe(1);
    expect(stderr).toMatch(/PREFLIGHT_STORAGE/);
    expect(stderr).toMatch(/must be writable by you|that is yours/);
  }, 30_000);

  it("left empty by something else gets its tables", () => {
    openStore(paths).close();
    rmSync(databaseFile());
    writeFileSync(databaseFile(), "", { mode: 0o600 });
    const store = openStore(paths);
    expect(store.images.list()).toEqual([]);
    store.close();
  });
});

describe("several processes", () => {
  it("may open and so make the store at once: each finds it complete", async () => {
    const names = Array.from({ length: 6 }, (_, index) => `container-${index}`);
    const workers = names.map((name) => startWorker("create", base, [name]));
    const results = await Promise.all(workers.map(finishWorker));
    expect(results.map(({ stderr }) => stderr).join("")).toBe("");
    expect(results.map(({ status }) => status)).toEqual(names.map(() => 0));
    const store = openStore(paths);
    expect(
      store.containers
        .list()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(names);
    store.close();
    expect(readdirSync(paths.root).filter((name) => name.includes(".tmp"))).toEqual([]);
  }, 30_000);

  it("that want the same name: one gets it, the others are told who has it", async () => {
    openStore(paths).close();
    const workers = ["a", "b", "c"].map((name) => startWorker("race-for-name", base, [name]));
    const results = await Promise.all(workers.map(finishWorker));
    expect(results.filter(({ status }) => status === 0)).toHaveLength(1);
    for (const { stderr } of results.filter(({ status }) => status !== 0)) {
      expect(stderr).toMatch(/NAME_IN_USE/);
      expect(stderr).toMatch(/in use by container [0-9a-f]{12}/);
    }
  }, 30_000);

  it("one killed in a transaction leaves nothing of it", async () => {
    const { signal } = await finishWorker(startWorker("die-in-transaction", base, ["doomed"]));
    expect(signal).toBe("SIGKILL");
    const store = openStore(paths);
    expect(store.images.list()).toEqual([]);
    expect(store.containers.list()).toEqual([]);
    store.close();
  }, 30_000);
});
