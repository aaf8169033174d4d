import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { TsmanError } from "../../src/errors/index.ts";
import { layerOf, TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security cases S47 (CVE-2021-20291, CVE-2017-14992) and S48.

const archive = new TarBuilder()
  .dir("d")
  .file("d/random", randomBytes(300_000))
  .file("last", "x")
  .build();

describe("a damaged layer ends in an error that says what is wrong", () => {
  it.each([
    ["gzip", "decompress: unexpected end of file"],
    ["zstd", "decompress: unexpected end of file"],
    ["none", "the archive is truncated"],
  ] as const)("when it is cut off (%s)", async (compression, why) => {
    await using stage = await UnpackStage.make();
    const whole = layerOf(archive, compression);
    const { code, message } = await stage.refusal({
      ...whole,
      blob: whole.blob.subarray(0, 99_999),
    });
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain(why);
  });

  it.each([
    ["gzip", "decompress: "],
    ["zstd", "decompress: "],
    ["none", "not a tar archive"],
  ] as const)("when there is garbage in it (%s)", async (compression, why) => {
    await using stage = await UnpackStage.make();
    const whole = layerOf(archive, compression);
    // zstd stores what it cannot compress as it is, so only its own framing can be damaged.
    const at = { gzip: 1000, zstd: 6, none: 512 }[compression];
    const blob = Buffer.concat([whole.blob.subarray(0, at), randomBytes(100_000)]);
    const { code, message } = await stage.refusal({ ...whole, blob });
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain(why);
  });

  it.each([
    ["random bytes", randomBytes(5000), "not a tar archive"],
    ["a web page", Buffer.from("<html>".repeat(500)), "not a tar archive"],
    ["fewer bytes than a header", Buffer.from("x"), "truncated"],
    ["bzip2", Buffer.from("BZh91AY&SY".padEnd(600)), "compressed with bzip2"],
    ["xz", Buffer.from("\xfd7zXZ\0\0\x04".padEnd(600), "latin1"), "compressed with xz"],
  ])("when it is %s", async (_, blob, why) => {
    await using stage = await UnpackStage.make();
    const { code, message } = await stage.refusal({ ...layerOf(archive), blob });
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain(why);
  });

  it("when its media type is no layer's", async () => {
    await using stage = await UnpackStage.make();
    const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
    const { code, message } = await stage.refusal(archive, { mediaType });
    expect(code).toBe("LAYER_INVALID");
    expect(message).toContain(mediaType);
  });
});

describe("a diffID that is not the archive's is an error", () => {
  const wrong = `sha256:${"0".repeat(64)}`;

  it("that names both", async () => {
    await using stage = await UnpackStage.make();
    const { code, message } = await stage.refusal(archive, { diffId: wrong });
    expect(code).toBe("DIGEST_MISMATCH");
    expect(message).toContain(`its diffID is ${layerOf(archive).diffId}`);
    expect(message).toContain(wrong);
  });

  it("also where only what follows the end mark differs", async () => {
    await using stage = await UnpackStage.make();
    const padded = Buffer.concat([archive, Buffer.from("hidden")]);
    const { code } = await stage.refusal(padded, { diffId: layerOf(archive).diffId });
    expect(code).toBe("DIGEST_MISMATCH");
  });
});

describe("a layer may arrive", () => {
  it.each(["gzip", "zstd", "none"] as const)("as %s, whatever its media type says", async (how) => {
    await using stage = await UnpackStage.make();
    const mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    await stage.unpack(archive, { compression: how, mediaType });
    expect(stage.names()).toEqual(["d", "d/random", "last"]);
  });

  it.each(["gzip", "zstd"] as const)("in several %s members", async (compression) => {
    await using stage = await UnpackStage.make();
    const cut = 70_001;
    const parts = [archive.subarray(0, cut), archive.subarray(cut)];
    const blob = Buffer.concat(parts.map((part) => layerOf(part, compression).blob));
    await stage.unpack({ ...layerOf(archive, compression), blob });
    expect(stage.names()).toEqual(["d", "d/random", "last"]);
  });

  it("without any entry", async () => {
    await using stage = await UnpackStage.make();
    const { entries } = await stage.unpack(new TarBuilder().build());
    expect(entries).toBe(0);
    expect(stage.names()).toEqual([]);
  });
});

describe("when the bytes stop", () => {
  /** Half of a layer, then nothing any more, like a network that is gone. */
  async function* stalling(started: () => void): AsyncGenerator<Buffer> {
    yield layerOf(archive).blob.subarray(0, 100_000);
    started();
    await new Promise(() => undefined);
  }

  it("an abort ends the unpacking, and nothing writes afterwards", async () => {
    await using stage = await UnpackStage.make();
    const abort = new AbortController();
    const source = stalling(() => abort.abort());
    const { code, message } = await stage.refusal(archive, { source, signal: abort.signal });
    expect(code).toBe("INTERRUPTED");
    expect(message).toMatch(/^unpack layer sha256:[0-9a-f]{12}: interrupted$/);
  });

  it("an abort before the start starts nothing", async () => {
    await using stage = await UnpackStage.make();
    const { code } = await stage.refusal(archive, { signal: AbortSignal.abort() });
    expect(code).toBe("INTERRUPTED");
  });

  it("an error of the source is the error of the unpacking", async () => {
    await using stage = await UnpackStage.make();
    const broken = new TsmanError("REGISTRY_UNREACHABLE", "connection reset");
    async function* source(): AsyncGenerator<Buffer> {
      yield layerOf(archive).blob.subarray(0, 1000);
      throw broken;
    }
    expect(await stage.refusal(archive, { source: source() })).toBe(broken);
  });

  it("a refusal does not wait for a source that has more", async () => {
    await using stage = await UnpackStage.make();
    const waiting = new EventTarget();
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(100_000, "x");
      await once(waiting, "never");
    }
    const { message } = await stage.refusal(archive, { source: source() });
    expect(message).toContain("not a tar archive");
  });
});
