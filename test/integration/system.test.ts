import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { registry, TestStore } from "./support.ts";

const words = (text: string) => text.split(" ");

interface Row {
  readonly Type: string;
  readonly Total: number;
  readonly Active: number;
  readonly RawSize: number;
  readonly RawReclaimable: number;
}

/** Bytes that du(1) counts where it may look: in the user namespace of the store's files. */
async function du(store: TestStore): Promise<number> {
  const { stdout } = await store.succeed(["unshare", "du", "-s", "--block-size=1", store.root]);
  return Number(stdout.split("\t")[0]);
}

async function df(store: TestStore): Promise<ReadonlyMap<string, Row>> {
  const rows = JSON.parse((await store.succeed(words("system df --format json"))).stdout) as Row[];
  return new Map(rows.map((row) => [row.Type, row]));
}

const sumOf = (rows: ReadonlyMap<string, Row>, key: "RawSize" | "RawReclaimable"): number =>
  [...rows.values()].reduce((sum, row) => sum + row[key], 0);

it("df says what du says, and prune frees what df calls reclaimable", async () => {
  await using store = await TestStore.create();
  for (const name of ["shared-base-a", "shared-base-b"]) {
    await store.succeed(["pull", "--quiet", `${registry()}/${name}`]);
  }
  const write = "dd if=/dev/zero of=/v/x bs=1k count=300; chown 7:7 /v/x; cp /v/x /x";
  await store.succeed([
    ...words("run --quiet --network none --name over -v kept:/v busybox sh -c"),
    write,
  ]);
  await store.succeed(words("run -d --quiet --network none --name live busybox sleep 1000"));
  await store.succeed(words("create --network none --name spare -v spare:/v busybox"));
  writeFileSync(join(store.root, "blobs/partial", "a".repeat(64)), "x".repeat(9000));
  const before = await df(store);
  expect(before.get("Images")).toMatchObject({ Total: 3, Active: 1 });
  expect(before.get("Containers")).toMatchObject({ Total: 3, Active: 1 });
  expect(before.get("Local Volumes")).toMatchObject({ Total: 2, Active: 2 });
  // The log of events and the database grow meanwhile, by a few pages.
  expect(Math.abs(sumOf(before, "RawSize") - (await du(store)))).toBeLessThan(100_000);
  expect(before.get("Other")?.RawReclaimable).toBeGreaterThan(8000);
  const { stdout } = await store.succeed(words("system prune --all --volumes --force"));
  expect(stdout).toMatch(
    /^Deleted Containers\n([0-9a-f]{64}\n){2}Deleted Images\n([0-9a-f]{64}\n){2}Deleted Volumes\nkept\nspare\nTotal reclaimed space: /,
  );
  const after = await df(store);
  expect(sumOf(after, "RawReclaimable")).toBe(0);
  for (const type of ["Images", "Containers"]) {
    const { RawSize: size = 0, RawReclaimable: reclaimable = 0 } = before.get(type) ?? {};
    expect([type, after.get(type)?.RawSize]).toEqual([type, size - reclaimable]);
  }
  // Volumes of containers that have gone are nobody's only now.
  expect(after.get("Local Volumes")).toMatchObject({ Total: 0, RawSize: 0 });
  expect((await store.succeed(words("ps --format {{.Names}}"))).stdout).toBe("live\n");
  expect(await store.run(["system", "check"])).toMatchObject({ status: 0, stdout: "" });
});

it("prune asks, and keeps what the filters do not name", async () => {
  await using store = await TestStore.create();
  await store.succeed(words("create --network none --label keep --name one busybox true"));
  const asked = await store.run(words("system prune"), { input: "n\n" });
  expect([asked.status, asked.stdout]).toEqual([0, ""]);
  expect(asked.stderr).toContain("all containers that do not run");
  await store.succeed(words("system prune --force --filter label!=keep"));
  await store.succeed(words("container exists one"));
  await store.succeed(words("system prune"), { input: "y\n" });
  expect((await store.run(words("container exists one"))).status).toBe(1);
});

it("image prune removes what a beaten pull has left to no image", async () => {
  await using store = await TestStore.create();
  await store.succeed(["pull", "--quiet", `${registry()}/shared-base-a`]);
  {
    using database = new DatabaseSync(join(store.root, "store.db"));
    database.exec("DELETE FROM image_names");
    database.exec("DELETE FROM images");
  }
  const check = words("system check --max 0s");
  expect((await store.run(check)).stdout).toContain("no image needs it");
  await store.succeed(words("image prune --force"));
  expect((await store.succeed(check)).stdout).toBe("");
});

it("reset leaves nothing: running containers, files of other ids, cache", async () => {
  await using store = await TestStore.create();
  const cache = join(store.scratch, "cache");
  const env = { XDG_CACHE_HOME: cache };
  mkdirSync(cache);
  await store.succeed(["pull", "--quiet", `${registry()}/shared-base-a`], { env });
  const script =
    "chown 7:7 /v; mkdir -m 0 /v/closed /closed; chown 8 /v/closed /closed; sleep 1000";
  await store.succeed(
    [...words("run -d --quiet --network none --name live -v data:/v busybox sh -c"), script],
    { env },
  );
  const { stdout: pid } = await store.succeed(words("inspect --format {{.State.Pid}} live"));
  expect((await store.run(words("system reset"), { env, input: "\n" })).status).toBe(0);
  expect(existsSync(`/proc/${pid.trim()}`)).toBe(true);
  await store.succeed(words("system reset --force"), { env });
  expect(existsSync(`/proc/${pid.trim()}`)).toBe(false);
  const left = spawnSync("find", [store.root, store.runtimeDir, cache], { encoding: "utf8" });
  expect(left.stdout).toBe(`${cache}\n`);
  expect((await store.succeed(words("images -q"), { env })).stdout).toMatch(/^[0-9a-f]{12}\n$/);
});

it("reset leaves alone what is not tsman's", async () => {
  await using store = await TestStore.create();
  await store.succeed(["images"]);
  writeFileSync(join(store.root, "notes"), "mine\n");
  const env = { XDG_CACHE_HOME: join(store.scratch, "cache") };
  await store.succeed(words("system reset --force"), { env });
  expect(readdirSync(store.root)).toEqual(["notes"]);
});
