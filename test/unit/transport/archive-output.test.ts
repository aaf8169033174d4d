import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DiffId, type Digest, sha256Digest } from "../../../src/oci/digest.ts";
import { ArchiveOutput } from "../../../src/transport/archive-output.ts";
import { DockerArchiveWriter } from "../../../src/transport/docker-archive-destination.ts";

let base: string;
let fd: number;

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), "tsman-archive-"));
  fd = openSync(path.join(base, "archive"), "w+");
});

afterEach(() => {
  closeSync(fd);
  rmSync(base, { recursive: true, force: true });
});

function openOutput(): ArchiveOutput {
  return new ArchiveOutput({
    name: "archive",
    target: { fd },
    openSpool: () => {
      throw new Error("a file needs none");
    },
    publish: async () => {},
    dispose: () => {},
  });
}

/** Names and contents, in order. */
async function members(): Promise<readonly (readonly [string, string])[]> {
  const reader = extract();
  reader.end(readFileSync(path.join(base, "archive")));
  const found: [string, string][] = [];
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.push([entry.header.name, Buffer.concat(chunks).toString()]);
  }
  return found;
}

async function* once(bytes: Buffer) {
  yield bytes;
}

async function* pieces(...texts: readonly (string | Promise<unknown>)[]) {
  for (const text of texts) {
    if (typeof text === "string") yield Buffer.from(text);
    else await text;
  }
}

describe("an archive that is a file", () => {
  it("has contents that arrive in alternation each in its place", async () => {
    await using output = openOutput();
    const [second, first] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    async function* slow() {
      yield Buffer.from("a");
      await first.promise;
      yield Buffer.from("b");
      second.resolve();
    }
    async function* fast() {
      yield Buffer.from("c");
      first.resolve();
      await second.promise;
      yield Buffer.from("d");
    }
    const writes = [output.write("slow", 2, slow()), output.write("fast", 2, fast())];
    await Promise.all(writes);
    await output.writeUnsized(pieces("e", "f"), () => "unsized");
    await output.writeUnsized(pieces("unwanted"), () => undefined);
    await output.commit("last", Buffer.from("end"));
    expect(await members()).toEqual([
      ["slow", "ab"],
      ["fast", "cd"],
      ["unsized", "ef"],
      ["last", "end"],
    ]);
  });

  it("holds a file once, however often it is written", async () => {
    await using output = openOutput();
    await Promise.all([output.write("a", 1, pieces("x")), output.write("a", 1, pieces("y"))]);
    await output.commit("last", Buffer.alloc(0));
    expect(await members()).toEqual([
      ["a", "x"],
      ["last", ""],
    ]);
  });

  it.each([
    ["longer", "too long"],
    ["shorter", ""],
  ])("refuses a content that is %s than it should be", async (_, text) => {
    await using output = openOutput();
    const wrong = output.write("wrong", 3, pieces(text));
    const right = output.write("right", 5, pieces("right"));
    await expect(wrong).rejects.toMatchObject({ code: "SIZE_MISMATCH" });
    await right;
    expect(readFileSync(path.join(base, "archive")).toString("latin1")).toContain("right\0");
  });

  it("is not let go while something is written to it", async () => {
    const gate = Promise.withResolvers<void>();
    const events: string[] = [];
    const output = openOutput();
    const write = output.write("a", 1, pieces(gate.promise, "x")).then(() => events.push("wrote"));
    await output.put("b", Buffer.from("b"));
    const disposed = output[Symbol.asyncDispose]().then(() => events.push("let go"));
    gate.resolve();
    await Promise.all([write, disposed]);
    expect(events).toEqual(["wrote", "let go"]);
  });
});

describe("a docker-archive of layers that are known", () => {
  const tar = Buffer.from("an archive".repeat(100));
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const limits = { maxBytes: 1e9, maxRatio: 1e9, ratioFloor: 0 };

  async function write(diffId: Digest, size: number) {
    const blob = gzipSync(tar);
    const digest = sha256Digest(blob);
    const known = new Map([[digest, { diffId: diffId as string as DiffId, size }]]);
    const config = Buffer.from(
      JSON.stringify({
        os: "linux",
        architecture: "amd64",
        rootfs: { type: "layers", diff_ids: [diffId] },
      }),
    );
    const configType = "application/vnd.oci.image.config.v1+json";
    const manifestType = "application/vnd.oci.image.manifest.v1+json";
    const descriptor = { mediaType: configType, digest: sha256Digest(config), size: config.length };
    const layer = { mediaType, digest, size: blob.length };
    await using output = openOutput();
    const writer = new DockerArchiveWriter(output, limits, known);
    const image = writer.image(["localhost/a:1"]);
    await image.writeBlob(layer, once(blob));
    await image.writeBlob(descriptor, once(config));
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: descriptor,
        layers: [layer],
      }),
    );
    const manifest = { bytes, mediaType: manifestType, digest: sha256Digest(bytes) };
    await image.writeManifest(manifest, { isTop: true });
    await writer.commit();
  }

  it("has them under their diffIDs", async () => {
    const diffId = sha256Digest(tar);
    await write(diffId, tar.length);
    expect(await members()).toContainEqual([`${diffId.slice(7)}.tar`, tar.toString()]);
  });

  it("is refused where one is not what was known of it", async () => {
    const other = sha256Digest("something else");
    await expect(write(other, tar.length)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    const diffId = sha256Digest(tar);
    await expect(write(diffId, 1)).rejects.toMatchObject({ code: "SIZE_MISMATCH" });
  });
});
