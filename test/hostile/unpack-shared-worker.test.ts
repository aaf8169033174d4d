import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UnpackWorker } from "../../src/layer/index.ts";
import type { DiffId } from "../../src/oci/digest.ts";
import { type BuiltLayer, layerOf, TarBuilder } from "../support/tar-builder.ts";
import { pieces, UnpackStage } from "../support/unpack-stage.ts";

// One process unpacks several layers: while it is in one, it has descriptors of the directories of
// those to come.  A layer must not get at them, nor leave anything behind for the next one.

async function* sourceOf(blob: Buffer): AsyncGenerator<Buffer> {
  yield* pieces(blob);
}

/** A worker with three directories, `names` lists what is in one. */
function startWorker(stage: UnpackStage) {
  const directories = ["a", "b", "c"].map((name) => join(stage.layer().toString(), name));
  for (const directory of directories) mkdirSync(directory);
  const worker = UnpackWorker.start({ directories, mapping: stage.mapping });
  return {
    worker,
    names: (directory: number) =>
      readdirSync(directories[directory] ?? "", { recursive: true })
        .map(String)
        .sort(),
    unpack: (directory: number, layer: Buffer | BuiltLayer) => {
      const { blob, mediaType, diffId } = Buffer.isBuffer(layer) ? layerOf(layer) : layer;
      const source = sourceOf(blob);
      return worker.unpack({ directory, source, mediaType, diffId: diffId as DiffId });
    },
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
    },
  };
}

describe("a worker that has other layers' directories open", () => {
  it.each(["/proc/self/fd", "/proc/self/fd/5", "/dev/fd/5", "/proc/1/root", "../b"])(
    "is led to them by no link to %s",
    async (target) => {
      await using stage = await UnpackStage.make();
      await using crew = startWorker(stage);
      const before = stage.outside();
      const hostile = new TarBuilder().symlink("door", target).file("door/planted", "x").build();
      const outcome = await crew.unpack(0, hostile).catch((error: Error) => error.message);
      // Either a directory of this layer's own, or an error; never something elsewhere.
      if (typeof outcome === "string") expect(outcome).toContain("escapes the rootfs");
      else expect(crew.names(0)).toContain(join(".", target, "planted"));
      expect(crew.names(1)).toEqual([]);
      expect(crew.names(2)).toEqual([]);
      expect(stage.outside()).toEqual(before);
    },
  );

  it("gives every layer its own directory, and nothing of another", async () => {
    await using stage = await UnpackStage.make();
    await using crew = startWorker(stage);
    await crew.unpack(0, new TarBuilder().file("one", "1").symlink("etc", "/x").build());
    await crew.unpack(1, new TarBuilder().file("etc/two", "2").build());
    // In whichever order they are asked for.
    expect([crew.names(0), crew.names(1)]).toEqual([
      ["etc", "one"],
      ["etc", "etc/two"],
    ]);
    const link = new TarBuilder().hardlink("three", "one").build();
    await expect(crew.unpack(2, link)).rejects.toThrow("is not a file of this layer");
    expect(crew.names(2)).toEqual([]);
  });

  it("does not use a directory twice", async () => {
    await using stage = await UnpackStage.make();
    await using crew = startWorker(stage);
    await crew.unpack(0, new TarBuilder().symlink("door", "../b").build());
    await expect(crew.unpack(0, new TarBuilder().file("door/x", "").build())).rejects.toThrow(
      /fchdir|descriptor/,
    );
    expect(crew.names(0)).toEqual(["door"]);
  });

  it("finds the next layer behind bytes that a compressor has left", async () => {
    await using stage = await UnpackStage.make();
    await using crew = startWorker(stage);
    const layer = layerOf(new TarBuilder().file("one", "1").build());
    const blob = Buffer.concat([layer.blob, Buffer.alloc(100_000)]);
    await crew.unpack(0, { ...layer, blob });
    await crew.unpack(1, new TarBuilder().file("two", "2").build());
    expect([crew.names(0), crew.names(1)]).toEqual([["one"], ["two"]]);
  });

  it("takes no further layer after one that it has refused", async () => {
    await using stage = await UnpackStage.make();
    await using crew = startWorker(stage);
    const refused = crew.unpack(0, new TarBuilder().file("../victim/file", "x").build());
    await expect(refused).rejects.toThrow("escapes the rootfs");
    expect(crew.worker.isUsable).toBe(false);
    await expect(crew.unpack(1, new TarBuilder().file("two", "2").build())).rejects.toThrow();
    expect(crew.names(1)).toEqual([]);
  });
});
