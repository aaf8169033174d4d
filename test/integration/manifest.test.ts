import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { registry, useStore } from "./support.ts";

const store = useStore();
const words = (text: string) => text.split(" ");
const succeed = async (text: string) => (await store().succeed(words(text))).stdout;

interface Entry {
  readonly digest: string;
  readonly platform: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function entriesOf(list: string): Promise<readonly Entry[]> {
  return (JSON.parse(await succeed(`manifest inspect ${list}`)) as { manifests: Entry[] })
    .manifests;
}

it("a list is made of images of the store and of registries, said more about, and pushed", async () => {
  const repository = `${registry()}/manifest-test/multi`;
  await succeed("tag busybox mine");
  await succeed("manifest create multi mine");
  expect(await succeed("manifest ls")).toBe("localhost/multi:latest\n");
  const again = await store().run(words("manifest create multi"));
  expect([again.status, again.stderr]).toEqual([125, expect.stringContaining("there is one")]);
  await succeed("manifest create --amend multi");
  await succeed(`manifest add --all multi docker://${registry()}/multi-platform`);
  const all = await entriesOf("multi");
  expect(all.length).toBeGreaterThan(2);
  const other = all.find(({ platform }) => platform.architecture === "riscv64")?.digest ?? "";
  await succeed(`manifest annotate --annotation a=b --os-version 10 --variant v1 multi ${other}`);
  expect((await entriesOf("multi")).find(({ digest }) => digest === other)).toMatchObject({
    platform: { architecture: "riscv64", "os.version": "10", variant: "v1" },
    annotations: { a: "b" },
  });
  // What the list names stays, though the image goes.
  await succeed("rmi --force mine busybox");
  const file = join(store().scratch, "digest");
  await succeed(`manifest push --quiet --digestfile ${file} multi docker://${repository}:1`);
  const answer = await fetch(`http://${repository.replace("/", "/v2/")}/manifests/1`, {
    headers: { accept: "application/vnd.oci.image.index.v1+json" },
  });
  const pushed = (await answer.json()) as { manifests: Entry[] };
  expect(pushed.manifests).toEqual(await entriesOf("multi"));
  expect(await entriesOf(`docker://${repository}:1`)).toEqual(pushed.manifests);
  await succeed(`pull --quiet ${repository}:1`);
  await succeed(`run --rm --network none ${repository}:1 true`);
  await succeed(`manifest remove multi ${other}`);
  expect(await entriesOf("multi")).toHaveLength(all.length - 1);
  expect((await store().run(words(`manifest remove multi ${other}`))).status).toBe(125);
  expect(await succeed("system check --max 0s")).toBe("");
  await succeed("manifest rm multi");
  expect((await store().run(words("manifest exists multi"))).status).toBe(1);
  expect(await succeed("system check --max 0s")).toBe("");
});

it("a list that cannot be completed leaves nothing, and an empty one is not pushed", async () => {
  const failed = await store().run(words(`manifest create half busybox ${registry()}/nosuch`));
  expect(failed.status).toBe(125);
  expect((await store().run(words("manifest exists half"))).status).toBe(1);
  await succeed("manifest create none");
  const empty = await store().run(words("manifest push none docker://127.0.0.1:1/x"));
  expect(empty.stderr).toContain("it is empty");
  const taken = await store().run(words("manifest create busybox"));
  expect(taken.stderr).toContain("an image has this name");
});

it("check finds a damaged manifest of a list", async () => {
  await succeed(`manifest create checked docker://${registry()}/zstd`);
  const [entry] = await entriesOf("checked");
  const blob = join(store().root, "blobs/sha256", entry?.digest.slice(7) ?? "");
  rmSync(blob);
  writeFileSync(blob, "x");
  const { status, stdout } = await store().run(words("system check"));
  expect([status, stdout]).toEqual([1, `blob ${entry?.digest}: its bytes are damaged\n`]);
  await store().succeed(words("system check --repair"));
});
