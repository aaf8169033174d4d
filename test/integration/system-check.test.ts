import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { TestStore } from "./support.ts";

/** A store with one container, of the image that comes with the installation. */
async function usedStore(): Promise<TestStore> {
  const store = await TestStore.create();
  await store.succeed("create --name one --network none busybox true".split(" "));
  return store;
}

function onlyIn(...directory: readonly string[]): string {
  const [name = ""] = readdirSync(join(...directory));
  return join(...directory, name);
}

/** The files of the only layer. */
function layerOf({ root }: TestStore): string {
  return join(onlyIn(onlyIn(root, "layers")), "diff");
}

/** Wants one complaint, told with status 1, repaired with status 0, and gone then. */
async function expectRepair(
  store: TestStore,
  complaint: RegExp,
  ...options: readonly string[]
): Promise<void> {
  const found = await store.run(["system", "check", ...options]);
  expect(found.stdout).toMatch(complaint);
  expect(found.stdout.trimEnd().split("\n")).toHaveLength(1);
  expect(found.status).toBe(1);
  const repaired = await store.run(["system", "check", "--repair", ...options]);
  expect(repaired.stdout).toMatch(complaint);
  expect(repaired.status).toBe(0);
  expect(await store.run(["system", "check", ...options])).toMatchObject({
    status: 0,
    stdout: "",
    stderr: "",
  });
  const run = "run --rm --network none busybox echo works".split(" ");
  expect((await store.succeed(run)).stdout).toBe("works\n");
}

it("says nothing of a store in which all is well", async () => {
  await using store = await usedStore();
  expect(await store.run(["system", "check"])).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

it("finds a file that was removed from an unpacked layer", async () => {
  await using store = await usedStore();
  rmSync(join(layerOf(store), "bin/cat"));
  expect((await store.run(["system", "check", "--quick"])).status).toBe(0);
  await expectRepair(store, /^layer sha256:\S+, ids \w+: its files are not those of its blob/);
});

it("finds a file of an unpacked layer that was changed to others of the same size", async () => {
  await using store = await usedStore();
  const file = join(layerOf(store), "etc/passwd");
  writeFileSync(file, "x".repeat(statSync(file).size));
  await expectRepair(store, /^layer sha256:\S+: its files|^layer .*: its files are not/);
});

it("finds an unpacked layer that is not there", async () => {
  await using store = await usedStore();
  rmSync(layerOf(store), { recursive: true });
  await expectRepair(store, /^layer .* is missing|^left over/, "--quick");
});

it("finds a damaged blob", async () => {
  await using store = await usedStore();
  const blobs = join(store.root, "blobs/sha256");
  const largest = readdirSync(blobs).sort(
    (a, b) => statSync(join(blobs, b)).size - statSync(join(blobs, a)).size,
  );
  appendFileSync(join(blobs, largest[0] ?? ""), "x");
  await expectRepair(store, /^image localhost\/busybox:latest: blob sha256:\w+ has \d+ bytes/);
});

it("finds a container without a directory and a directory without a container", async () => {
  await using store = await usedStore();
  const lost = onlyIn(store.root, "containers");
  rmSync(lost, { recursive: true });
  await expectRepair(store, /^container one: its directory \S+ is missing/);
  mkdirSync(lost);
  await expectRepair(store, /^container \w{12}: \S+ belongs to no container/);
  expect(existsSync(lost)).toBe(false);
});

it("finds locks, unpackings and databases that killed commands have left", async () => {
  await using store = await usedStore();
  const hex = "a".repeat(64);
  writeFileSync(join(store.root, "locks", `blob-${hex}`), "");
  await expectRepair(store, /^lock \S+: there is nothing that it locks/);
  const keyed = onlyIn(store.root, "layers");
  mkdirSync(join(keyed, `${hex}.partial/diff`), { recursive: true });
  await expectRepair(store, /^left over \S+: the unpacking of a layer was not completed/);
  mkdirSync(join(keyed, `${hex}.abcdef.trash/diff`), { recursive: true });
  await expectRepair(store, /^left over \S+: it was to be removed/);
  writeFileSync(join(store.root, "store.db.0123456789ab.tmp"), "");
  await expectRepair(store, /^left over \S+: a database that was not completed/, "--max", "0s");
});

it("leaves an image alone that a container needs, unless --force says otherwise", async () => {
  await using store = await usedStore();
  await store.succeed(["commit", "one", "localhost/mine"]);
  await store.succeed(["create", "--name", "two", "localhost/mine", "true"]);
  const { stdout } = await store.succeed(["image", "inspect", "--format", "{{.Id}}", "mine"]);
  const id = stdout.trim().replace("sha256:", "");
  appendFileSync(join(store.root, "blobs/sha256", id), " ");
  const kept = await store.run(["system", "check", "--repair", "--quick"]);
  // Its digest is not looked at.
  expect(kept.status).toBe(0);
  const refused = await store.run(["system", "check", "--repair"]);
  expect(refused.stdout).toContain("not repaired: used by container two");
  expect(refused.status).toBe(1);
  expect((await store.run(["system", "check", "--repair", "--force"])).status).toBe(0);
  expect((await store.succeed(["ps", "--all", "--format", "{{.Names}}"])).stdout).toBe("one\n");
});
