import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

it("a list stands among the images, under several names, and goes as they do", async () => {
  const id = (await succeed("manifest create shown busybox")).trim();
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect((await succeed("manifest add shown busybox")).trim()).toBe(id);
  await succeed("tag shown shown:two");
  expect(
    await succeed("images shown --filter manifest=true --format {{.ID}}|{{.Tag}} --sort tag"),
  ).toBe(`${id.slice(0, 12)}|latest\n${id.slice(0, 12)}|two\n`);
  // Its image for this host is what a name of the list means to everything else.
  expect(await succeed("inspect --type image --format {{.Id}} shown:two")).toBe(
    await succeed("inspect --type image --format {{.Id}} busybox"),
  );
  await succeed("run --rm --network none shown true");
  const ambiguous = await store().run(["rmi", id]);
  expect([ambiguous.status, ambiguous.stderr]).toEqual([125, expect.stringContaining("several")]);
  expect(await succeed("rmi shown")).toBe("Untagged: localhost/shown:latest\n");
  await succeed("manifest exists shown:two");
  expect(await succeed(`rmi ${id.slice(0, 12)}`)).toBe(
    `Untagged: localhost/shown:two\nDeleted: ${id}\n`,
  );
  await succeed("image exists busybox");
  const image = await store().run(words("manifest exists busybox"));
  expect([image.status, image.stderr]).toEqual([125, expect.stringContaining("it is an image")]);
});

it("a list is run by an image that is still in its registry, once it is needed", async () => {
  await succeed(`manifest create --all afar docker://${registry()}/multi-platform`);
  expect((await store().run(words("image exists afar"))).status).toBe(1);
  const inspected = await store().run(words("inspect afar"));
  expect(inspected.stderr).toContain("the list has no image for this host");
  const never = await store().run(words("run --rm --pull never afar true"));
  expect(never.stderr).toContain("has none for this host here");
  const nowhere = await store().run(words("run --rm --platform linux/s390x afar true"));
  expect(nowhere.stderr).toContain("the index has only");
  await succeed("run --rm --network none afar true");
  // It has no name of its own, and is neither shown nor pruned.
  const image = (await succeed("inspect --type image --format {{.Id}} afar")).trim();
  expect(await succeed("images --quiet --no-trunc")).not.toContain(image);
  expect(await succeed("images --all --quiet --no-trunc")).toContain(image);
  expect(await succeed("image prune --force")).toBe("");
  expect((await succeed("rmi afar")).split("\n")).toContain(`Deleted: ${image}`);
  expect(await succeed("system check --max 0s")).toBe("");
});

it("all platforms of an image are fetched, and pushed byte for byte", async () => {
  const source = `${registry()}/multi-platform`;
  const copy = `${registry()}/manifest-test/copied:1`;
  const id = (await succeed(`pull --quiet --all-platforms ${source}`)).trim();
  expect(await succeed("images --no-trunc --filter manifest=true --format {{.ID}}")).toContain(id);
  const entries = await entriesOf(source);
  expect(entries.length).toBeGreaterThan(2);
  // Nothing of it has to be fetched once more.
  for (const { digest } of entries) {
    const file = join(store().root, "blobs/sha256", digest.slice(7));
    const { config, layers } = JSON.parse(readFileSync(file, "utf8")) as Manifest;
    for (const blob of [config, ...layers]) {
      expect(existsSync(join(store().root, "blobs/sha256", blob.digest.slice(7)))).toBe(true);
    }
  }
  await succeed(`run --rm --pull never --network none ${source} true`);
  // The same index again is the same list; one platform of it takes no name away.
  expect((await succeed(`pull --quiet --all-platforms ${source}`)).trim()).toBe(id);
  await succeed(`pull --quiet ${source}`);
  await succeed(`manifest exists ${source}`);
  await succeed(`push --quiet ${source} ${copy}`);
  expect(await digestOf(copy)).toBe(await digestOf(`${source}:latest`));
  const both = await store().run(words(`pull --all-platforms --platform linux/arm64 ${source}`));
  expect(both.stderr).toContain("exclude each other");
  expect(await succeed("image prune --force")).toBe("");
  await succeed(`rmi ${source}`);
  expect(await succeed("system check --max 0s")).toBe("");
});

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

async function digestOf(image: string): Promise<string | null> {
  const [, name = "", tag = ""] = /^[^/]+\/(.+):([^:]+)$/.exec(image) ?? [];
  const answer = await fetch(`http://${registry()}/v2/${name}/manifests/${tag}`, {
    method: "HEAD",
    headers: { accept: "application/vnd.oci.image.index.v1+json" },
  });
  return answer.headers.get("docker-content-digest");
}
