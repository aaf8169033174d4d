import { readdirSync, readFileSync } from "node:fs";
import { pid } from "node:process";
import { createGzip, createZstdCompress } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type BuiltLayer, layerOf, TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security case S46; image-spec#1285.

const mebibyte = 1024 * 1024;

/** A layer with one file of `size` zeros that is never in memory as a whole. */
async function zeros(size: number, compression: "gzip" | "zstd"): Promise<BuiltLayer> {
  const packer = compression === "gzip" ? createGzip() : createZstdCompress();
  const chunks: Buffer[] = [];
  packer.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => packer.on("end", resolve));
  const zero = Buffer.alloc(mebibyte);
  packer.write(new TarBuilder().header({ name: "zeros", size }).buildWithoutEnd());
  for (let left = size; left > 0; left -= zero.length) {
    if (!packer.write(zero)) await new Promise((resolve) => packer.once("drain", resolve));
  }
  packer.end(Buffer.alloc(1024));
  await ended;
  // The archive's own digest does not matter: none of these gets that far.
  return { ...layerOf(Buffer.alloc(1024), compression), blob: Buffer.concat(chunks) };
}

/** Highest resident size, in MiB, of the processes that this one started. */
function peakOfChildren(): number {
  const children = readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
  );
  return Math.max(0, ...children.map(peakOf));
}

function peakOf(child: string): number {
  try {
    const status = readFileSync(`/proc/${child}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

describe("a bomb is refused", () => {
  it.each(["gzip", "zstd"] as const)("by its ratio, in flat memory (%s)", async (compression) => {
    await using stage = await UnpackStage.make();
    const size = 600 * mebibyte;
    const bomb = await zeros(size, compression);
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOfChildren());
    }, 20);
    const { code, message, details } = await stage.refusal(bomb, {
      limits: { ratioFloor: 256 * mebibyte },
    });
    clearInterval(watch);
    expect(code).toBe("LAYER_LIMIT");
    expect(message).toContain("compression ratio is over the limit 250");
    expect(details).toMatchObject({ limit: "maxRatio", value: 250 });
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(250);
  });

  it("by its bytes, as soon as a header claims them", async () => {
    await using stage = await UnpackStage.make();
    const bomb = new TarBuilder().claimedSize("sparse", 8n * 1024n ** 4n).build();
    const { code, message } = await stage.refusal(bomb);
    expect(code).toBe("LAYER_LIMIT");
    expect(message).toContain("entry sparse has 8796093022208 bytes, more than the limit");
    expect(stage.names()).toEqual([]);
  });

  it("by its bytes, if they come in many files", async () => {
    await using stage = await UnpackStage.make();
    const builder = new TarBuilder();
    for (let index = 0; index < 20; index++) builder.file(`f${index}`, Buffer.alloc(100_000));
    const { code, message } = await stage.refusal(builder.build(), {
      limits: { maxBytes: mebibyte },
    });
    expect(code).toBe("LAYER_LIMIT");
    expect(message).toContain("more bytes than the limit 1048576");
  });

  it("by its bytes, also behind the end mark", async () => {
    await using stage = await UnpackStage.make();
    const bomb = Buffer.concat([new TarBuilder().file("f").build(), Buffer.alloc(2 * mebibyte)]);
    const { code } = await stage.refusal(bomb, { limits: { maxBytes: mebibyte } });
    expect(code).toBe("LAYER_LIMIT");
  });

  it.each([
    ["8 EB in a sparse file of GNU tar", sparse("9223372036854775807"), "sparse file"],
    ["a size of -1", size("\xff".repeat(12)), "invalid size"],
    ["a size of 2^63", new TarBuilder().claimedSize("f", 2n ** 63n), "invalid size"],
  ])("by %s", async (_, builder, why) => {
    await using stage = await UnpackStage.make();
    const { code, message } = await stage.refusal(builder.build());
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain(why);
  });

  it("by its number of entries", async () => {
    await using stage = await UnpackStage.make();
    const builder = new TarBuilder();
    for (let index = 0; index < 101; index++) builder.dir(`d${index}`);
    const { code, message } = await stage.refusal(builder.build(), { limits: { maxEntries: 100 } });
    expect(code).toBe("LAYER_LIMIT");
    expect(message).toContain("more entries than the limit 100");
  });

  it("by its depth", async () => {
    await using stage = await UnpackStage.make();
    const { code, message } = await stage.refusal(new TarBuilder().dir("d/".repeat(257)).build());
    expect(code).toBe("LAYER_LIMIT");
    expect(message).toContain("has 257 components, more than the limit 256");
  });

  it("by a depth that links add up", async () => {
    await using stage = await UnpackStage.make();
    const deep = `${"x".repeat(200)}/`.repeat(15);
    const builder = new TarBuilder().dir(deep).symlink("a", deep).dir(`a/${deep}`);
    const { code, message } = await stage.refusal(builder.build());
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain("ENAMETOOLONG");
  });

  it.each(["x", "g", "L", "K"])("by an extended header of 100 MB (%s)", async (typeflag) => {
    await using stage = await UnpackStage.make();
    const builder = new TarBuilder().header({ typeflag, size: 100_000_000 });
    const { code, message } = await stage.refusal(builder.build());
    expect(code).toBe("LAYER_LIMIT");
    expect(message).toContain("an extended header has 100000000 bytes");
  });
});

it("a deep and wide, but possible, layer is unpacked and can be removed", async () => {
  await using stage = await UnpackStage.make();
  const builder = new TarBuilder().dir("d/".repeat(256));
  for (let index = 0; index < 3000; index++) builder.file(`f${index}`);
  const { entries } = await stage.unpack(builder.build());
  expect(entries).toBeGreaterThanOrEqual(3001);
  expect(stage.names()).toHaveLength(3256);
});

function sparse(realSize: string): TarBuilder {
  return new TarBuilder()
    .pax([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "f"],
      ["GNU.sparse.realsize", realSize],
    ])
    .file("GNUSparseFile.0/f", "1\n0\n0\n");
}

function size(field: string): TarBuilder {
  return new TarBuilder().header({ name: "f", size: Buffer.from(field, "latin1") });
}
