import { createHash, randomBytes } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { readPublished } from "../support/published-image.ts";
import {
  chunkedLayer,
  stargzLayer,
  type TableChanges,
  type TableFile,
  type TableLayer,
} from "../support/table-layer.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { skopeoIn } from "./skopeo.ts";
import { layerDirectories, layerDirectory } from "./stored-layer.ts";
import { registry, TestStore } from "./support.ts";

const mebibyte = 1024 * 1024;
const hereAlready = /are here already/;

function someFiles(count: number, size = mebibyte): TableFile[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `lib/file-${index}`,
    content: randomBytes(size),
  }));
}

/** The same contents under other names, in another order, and something new. */
function releaseOf(files: readonly TableFile[]): TableFile[] {
  const moved = files.map(({ content }, index) => ({ name: `usr/moved-${index}`, content }));
  return [{ name: "etc/new", content: randomBytes(300_000) }, ...moved.reverse()];
}

function serve(of: FaultyRegistry, name: string, layer: TableLayer): string {
  addImage(of, { name, layers: [layer], descriptors: [layer.descriptor] });
  return `${of.host}/${name}`;
}

/** Bytes of a layer's blob that the registry has sent. */
function sentOf(of: FaultyRegistry, { digest }: { readonly digest: string }): number {
  return of.requestsOf("blob", digest).reduce((sum, { bytesSent }) => sum + bytesSent, 0);
}

/** Every file of the only layer of an image: kind, mode, size, time and content. */
function treeOf(of: TestStore, { diffId }: { readonly diffId: string }): string[] {
  const directory = layerDirectory(of, diffId);
  return (readdirSync(directory, { recursive: true }) as string[]).sort().map((name) => {
    const path = join(directory, name);
    const { mode, size, mtimeMs, nlink } = lstatSync(path);
    const isFile = lstatSync(path).isFile();
    const content = isFile ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
    return [name, mode, isFile ? size : 0, mtimeMs, isFile ? nlink : 0, content].join(" ");
  });
}

/** Whether more than one part was asked for. */
function isSecond(of: FaultyRegistry, { digest }: { readonly digest: string }): boolean {
  return of.requestsOf("blob", digest).length > 1;
}

/** Whether the image's files are these. */
function hasFiles(of: TestStore, layer: TableLayer, files: readonly TableFile[]): boolean {
  const directory = layerDirectory(of, layer.diffId);
  return files.every(({ name, content }) => readFileSync(join(directory, name)).equals(content));
}

/** What an ordinary pull makes of the image. */
async function wholeTree(reference: string, layer: { readonly diffId: string }) {
  await using other = await TestStore.create();
  other.configure("[pull]", "partial = false");
  const { stderr } = await other.succeed(["pull", reference]);
  expect(stderr).not.toMatch(hereAlready);
  return treeOf(other, layer);
}

describe("a layer with a table of contents", () => {
  it("of a real producer is fetched without the files that the store has", async () => {
    await using store = await TestStore.create();
    const skopeo = skopeoIn(store);
    const files = someFiles(8);
    for (const [name, some] of [
      ["first", files],
      ["second", releaseOf(files)],
    ] as const) {
      const archive = new TarBuilder();
      for (const file of some) archive.file(file.name, file.content);
      writeFileSync(join(store.scratch, "rootfs.tar"), archive.build());
      const layout = `oci:${join(store.scratch, name)}:1`;
      await store.succeed(["import", "--quiet", "rootfs.tar", name]);
      await store.succeed(["push", "--quiet", "--format", "oci", name, layout]);
      const target = `docker://${registry()}/pull-parts-test/${name}:latest`;
      await skopeo.copy(layout, target, "--dest-compress-format", "zstd:chunked");
      await store.succeed(["rmi", name]);
    }
    await store.succeed(["pull", "--quiet", `${registry()}/pull-parts-test/first`]);
    const reference = `${registry()}/pull-parts-test/second`;
    const { stderr } = await store.succeed(["pull", reference]);
    expect(stderr).toMatch(/: \d+ kB, 8\.39 MB are here already/);
    const [layer] = (await readPublished(registry(), "pull-parts-test/second")).layers;
    if (layer === undefined) throw new Error("the image has no layer");
    const same = { diffId: layer.chainId };
    expect(treeOf(store, same)).toEqual(await wholeTree(reference, same));
    expect((await store.succeed(["system", "check", "--max", "0s"])).stdout).toBe("");
    // Its blob is not here: what needs it fetches it.
    await store.succeed(["push", "--quiet", reference, `dir:${join(store.scratch, "copy")}`]);
    expect(existsSync(join(store.scratch, "copy/manifest.json"))).toBe(true);
  });

  it.each([
    ["zstd:chunked", (files: readonly TableFile[]) => chunkedLayer(files)],
    ["eStargz", (files: readonly TableFile[]) => stargzLayer(files, 256 * 1024)],
  ])("(%s) costs the registry what is new", async (_, layerOf) => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(6);
    const layers = [layerOf(files), layerOf(releaseOf(files))] as const;
    await store.succeed(["pull", "--quiet", serve(origin, "first", layers[0])]);
    const reference = serve(origin, "second", layers[1]);
    await store.succeed(["pull", "--quiet", reference]);
    expect(sentOf(origin, layers[0])).toBe(layers[0].blob.length);
    expect(sentOf(origin, layers[1])).toBeLessThan(layers[1].blob.length * 0.4);
    expect(treeOf(store, layers[1])).toEqual(await wholeTree(reference, layers[1]));
  });

  it("and of headers is put together without what lies between small files", async () => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(400, 5000);
    const withHeaders: TableChanges = { split: (lines) => lines };
    const first = chunkedLayer(files, withHeaders);
    await store.succeed(["pull", "--quiet", serve(origin, "first", first)]);
    const layer = chunkedLayer(releaseOf(files), withHeaders);
    const reference = serve(origin, "second", layer);
    const { stderr } = await store.succeed(["pull", reference]);
    expect(stderr).toMatch(hereAlready);
    // The tables, and the new file.
    expect(origin.requestsOf("blob", layer.digest)).toHaveLength(2);
    expect(sentOf(origin, layer)).toBeLessThan(500_000);
    expect(treeOf(store, layer)).toEqual(await wholeTree(reference, layer));
  });

  it("uses the files of one that was put together itself", async () => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const releases = [someFiles(4)];
    for (let index = 0; index < 2; index += 1) releases.push(releaseOf(releases[index] ?? []));
    for (const [index, files] of releases.entries()) {
      const layer = chunkedLayer(files);
      const reference = serve(origin, `release-${index}`, layer);
      await store.succeed(["pull", "--quiet", reference]);
      if (index > 0) expect(sentOf(origin, layer)).toBeLessThan(600_000);
      await store.succeed(["system", "prune", "--force"]);
    }
  });

  it("is fetched whole where the configuration says so", async () => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    store.configure("[pull]", "partial = false");
    const files = someFiles(2);
    await store.succeed(["pull", "--quiet", serve(origin, "first", chunkedLayer(files))]);
    const layer = chunkedLayer(releaseOf(files));
    await store.succeed(["pull", "--quiet", serve(origin, "second", layer)]);
    expect(origin.requestsOf("blob", layer.digest).map(({ range }) => range)).toEqual([undefined]);
  });

  it("tells a registry nothing of what another one has given", async () => {
    await using origin = await startFaultyRegistry();
    await using curious = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(2);
    await store.succeed(["pull", "--quiet", serve(origin, "first", chunkedLayer(files))]);
    const layer = chunkedLayer(releaseOf(files));
    await store.succeed(["pull", "--quiet", serve(curious, "second", layer)]);
    expect(curious.requestsOf("blob", layer.digest).map(({ range }) => range)).toEqual([undefined]);
  });

  it.each([
    ["ignores ranges", { kind: "ignore-range" }],
    ["refuses ranges", { kind: "refuse-range" }],
    ["answers with other ranges", { kind: "wrong-range", shift: 7 }],
    ["fails", { kind: "status", status: 500 }],
  ] as const)("is fetched whole from a registry that %s", async (_, action) => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    store.configure("[transfer]", "retries = 0");
    const files = someFiles(2);
    await store.succeed(["pull", "--quiet", serve(origin, "first", chunkedLayer(files))]);
    const layer = chunkedLayer(releaseOf(files));
    const reference = serve(origin, "second", layer);
    const when = ({ range }: { readonly range: string | undefined }) => range !== undefined;
    origin.fault({ on: "blob", when, action });
    const { stderr } = await store.succeed(["pull", reference]);
    expect(stderr).not.toMatch(/error|warning/);
    expect(origin.requestsOf("blob", layer.digest).at(-1)?.range).toBeUndefined();
    expect(treeOf(store, layer)).toEqual(await wholeTree(reference, layer));
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGKILL", null],
  ] as const)("and is interrupted by %s is fetched by the next pull", async (signal, status) => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(2);
    await store.succeed(["pull", "--quiet", serve(origin, "first", chunkedLayer(files))]);
    const layer = chunkedLayer(releaseOf(files));
    const reference = serve(origin, "second", layer);
    const isPart = ({ reference: of, range }: { reference: string | undefined; range?: unknown }) =>
      of === layer.digest && range !== undefined;
    // After the table.
    origin.fault({ on: "blob", when: isPart, skip: 1, action: { kind: "hang" } });
    const pull = store.start(["pull", reference]);
    await origin.waitForRequest(
      (one) => isPart(one) && one.status === 0 && isSecond(origin, layer),
    );
    pull.child.kill(signal);
    const ended = await pull.ended;
    expect(ended.status).toBe(status);
    expect(ended.stderr).not.toMatch(/defect|INTERNAL/);
    origin.clearFaults();
    await store.succeed(["pull", "--quiet", reference]);
    expect(sentOf(origin, layer)).toBeLessThan(700_000);
    expect(treeOf(store, layer)).toEqual(await wholeTree(reference, layer));
    await store.succeed(["system", "prune", "--force"]);
    expect(layerDirectories(store).filter((name) => !/\/[0-9a-f]{64}$/.test(name))).toEqual([]);
  });

  it("takes no file from the store that was changed since", async () => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(4);
    const first = chunkedLayer(files);
    await store.succeed(["pull", "--quiet", serve(origin, "first", first)]);
    writeFileSync(join(layerDirectory(store, first.diffId), "lib/file-2"), randomBytes(mebibyte));
    const layer = chunkedLayer(releaseOf(files));
    const reference = serve(origin, "second", layer);
    await store.succeed(["pull", "--quiet", reference]);
    const sent = sentOf(origin, layer);
    expect(sent).toBeGreaterThan(mebibyte);
    expect(sent).toBeLessThan(2 * mebibyte);
    expect(treeOf(store, layer)).toEqual(await wholeTree(reference, layer));
  });
});

describe("a table of contents that lies", () => {
  const deep = "[".repeat(100_000);
  const many = (text: string) => `{"version":1,"entries":[${text}]}`;
  const lies: Readonly<Record<string, TableChanges>> = {
    "is not the one of the manifest": {
      annotations: {
        "io.github.containers.zstd-chunked.manifest-checksum": `sha256:${"0".repeat(64)}`,
      },
    },
    "lies outside of the blob": {
      annotations: { "io.github.containers.zstd-chunked.manifest-position": "1:999999999999:5:1" },
    },
    "is no JSON": { document: Buffer.from('{"version":1,"entries":[{') },
    "is nested deeply": { document: Buffer.from(`{"version":1,"entries":[],"x":${deep}`) },
    "unpacks to more than it says": { document: Buffer.alloc(64 * mebibyte, " "), size: 99 },
    "is of another version": { document: Buffer.from('{"version":2,"entries":[]}') },
    "has numbers that are none": { document: Buffer.from(many('{"type":"reg","size":1e99}')) },
    "has ranges that overlap": {
      lines: (lines) => lines.map((line) => ({ ...line, offset: 100 })),
    },
    "has ranges outside of the blob": {
      lines: (lines) => lines.map((line) => ({ ...line, endOffset: 9_007_199_254_740_991 })),
    },
    "has ranges that begin in the middle": {
      lines: (lines) => lines.map((line) => ({ ...line, offset: Number(line.offset) + 9 })),
    },
    "calls files by each other's contents": {
      lines: (lines) =>
        lines.map((line, index) => ({
          ...line,
          digest: lines[(index + 1) % lines.length]?.digest,
        })),
    },
    "lists headers that were changed": {
      split: (lines) =>
        lines.map((line) => (line.type === 2 ? { ...line, payload: "AAAA" } : line)),
    },
    "lists what are no headers": { split: () => [{ type: 7 }] },
    "has sizes that files do not have": {
      lines: (lines) => lines.map((line) => ({ ...line, size: Number(line.size) + 1 })),
    },
  };

  it.each(Object.entries(lies))("(%s) changes nothing about what is unpacked", async (_, lie) => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(3, 300_000);
    await store.succeed(["pull", "--quiet", serve(origin, "first", chunkedLayer(files))]);
    // All of one size, so that one can stand for another.
    const layer = chunkedLayer([...files].reverse(), lie);
    const { stderr } = await store.succeed(["pull", serve(origin, "second", layer)]);
    expect(stderr).not.toMatch(/error|warning/);
    expect(origin.requestsOf("blob", layer.digest).at(-1)?.range).toBeUndefined();
    expect(hasFiles(store, layer, files)).toBe(true);
    expect((await store.succeed(["system", "check", "--max", "0s"])).stdout).toBe("");
  });

  it("is found out by what was put together, not by what was asked for", async () => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const files = someFiles(3, 300_000);
    await store.succeed(["pull", "--quiet", serve(origin, "first", chunkedLayer(files))]);
    const layer = chunkedLayer([...files].reverse(), lies["calls files by each other's contents"]);
    const { stderr } = await store.succeed(["pull", serve(origin, "second", layer)]);
    expect(stderr).toMatch(hereAlready);
    const asked = origin.requestsOf("blob", layer.digest).map(({ range }) => range);
    expect(asked.at(-1)).toBeUndefined();
    // The table, and what lies between the files.
    expect(asked.filter((range) => range !== undefined).length).toBeGreaterThan(2);
    expect(hasFiles(store, layer, files)).toBe(true);
  });

  it("about names leads to no file outside of its layer", async () => {
    await using origin = await startFaultyRegistry();
    await using store = await TestStore.create();
    const [file] = someFiles(1) as [TableFile];
    const outside = join(store.scratch, "outside");
    writeFileSync(outside, file.content);
    // Under its true name it is empty; elsewhere it is what the table says.
    const name = `${"../".repeat(20)}${outside.slice(1)}`;
    const claims = chunkedLayer([{ name: "file", content: randomBytes(mebibyte) }], {
      lines: (lines) => {
        const digest = `sha256:${createHash("sha256").update(file.content).digest("hex")}`;
        return [name, outside, "link/outside"].map((one) => ({
          ...lines[0],
          name: one,
          digest,
          offset: 0,
          endOffset: 0,
        }));
      },
    });
    await store.succeed(["pull", "--quiet", serve(origin, "first", claims)]);
    const layer = chunkedLayer([file]);
    await store.succeed(["pull", "--quiet", serve(origin, "second", layer)]);
    expect(origin.requestsOf("blob", layer.digest).at(-1)?.range).toBeUndefined();
    expect(origin.requestsOf("blob", layer.digest).at(-1)?.bytesSent).toBe(layer.blob.length);
  });
});
