import { describe, expect, it } from "vitest";
import { copyImage } from "../../../src/engine/images/copy-image.ts";
import type { PullProgress } from "../../../src/engine/progress.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { type Digest, sha256Digest } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-types.ts";
import { sourceManifest } from "../../../src/oci/source-manifest.ts";
import type { ImageDestination, ImageSource, SourceManifest } from "../../../src/oci/transfer.ts";
import { verifiedBytes } from "../../../src/oci/verified-bytes.ts";

/** A place in memory. */
class Memory {
  readonly documents = new Map<Digest, Buffer>();
  readonly blobs = new Map<Digest, Buffer>();
  top: Digest | undefined;

  add(document: object): { mediaType: string; digest: Digest; size: number } {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = sha256Digest(bytes);
    this.documents.set(digest, bytes);
    const { mediaType } = document as { mediaType: string };
    return { mediaType, digest, size: bytes.length };
  }

  blob(text: string, mediaType: string): Descriptor {
    const bytes = Buffer.from(text);
    const digest = sha256Digest(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  image(text: string, format: "oci" | "docker" = "oci") {
    const isOci = format === "oci";
    return this.add({
      schemaVersion: 2,
      mediaType: isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest,
      config: this.blob(`{"of":"${text}"}`, isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig),
      layers: [
        this.blob(
          text,
          isOci
            ? "application/vnd.oci.image.layer.v1.tar+gzip"
            : "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
      ],
    });
  }

  source(): ImageSource {
    return {
      name: "memory:source",
      readManifest: async (digest = this.top as Digest) =>
        sourceManifest(this.documents.get(digest) ?? Buffer.alloc(0), { digest }, "memory"),
      readBlob: (descriptor) => {
        const { blobs } = this;
        async function* bytes() {
          yield blobs.get(descriptor.digest) ?? Buffer.alloc(0);
        }
        return verifiedBytes(bytes(), descriptor, "read blob of memory");
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  destination(log: string[], options: Partial<ImageDestination> = {}): ImageDestination {
    return {
      name: "memory:destination",
      hasBlob: async ({ digest }) => this.blobs.has(digest),
      writeBlob: async ({ digest }, bytes) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of bytes) chunks.push(chunk);
        this.blobs.set(digest, Buffer.concat(chunks));
        log.push("blob");
      },
      writeManifest: async ({ bytes, digest }: SourceManifest, { isTop }) => {
        this.documents.set(digest, bytes);
        if (isTop) this.top = digest;
        log.push(isTop ? "top" : "manifest");
      },
      commit: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
      ...options,
    };
  }
}

const platform = (architecture: string) => ({ platform: { os: "linux", architecture } });

describe("copying an image", () => {
  it("writes blobs before what names them, and nothing twice", async () => {
    const from = new Memory();
    from.top = from.image("one").digest;
    const to = new Memory();
    const log: string[] = [];
    const told: PullProgress["kind"][] = [];
    await copyImage(from.source(), to.destination(log), {
      onProgress: ({ kind }) => told.push(kind),
    });
    expect(log).toEqual(["blob", "blob", "top"]);
    expect(to.documents).toEqual(from.documents);
    expect(to.blobs).toEqual(from.blobs);
    expect(told.filter((kind) => kind === "layer-done")).toHaveLength(2);
    await copyImage(from.source(), to.destination(log));
    expect(log.slice(3)).toEqual(["top"]);
  });

  it("takes of an index what was asked for, or all of it", async () => {
    const from = new Memory();
    const [amd, arm] = [from.image("amd"), from.image("arm")];
    from.top = from.add({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [
        { ...amd, ...platform("amd64") },
        { ...arm, ...platform("arm64") },
      ],
    }).digest;
    const one = new Memory();
    const options = { platform: { os: "linux", architecture: "arm64" } };
    await copyImage(from.source(), one.destination([]), options);
    expect(one.top).toBe(arm.digest);
    expect(one.blobs.size).toBe(2);
    const all = new Memory();
    const log: string[] = [];
    await copyImage(from.source(), all.destination(log), { all: true });
    expect(all.documents).toEqual(from.documents);
    expect(all.top).toBe(from.top);
    expect(log.slice(-3)).toEqual(["manifest", "manifest", "top"]);
    const single = new Memory().destination([], { isSinglePlatform: true });
    await expect(copyImage(from.source(), single, { all: true })).rejects.toMatchObject({
      code: "USAGE",
    });
  });

  it("converts documents, and only them, where the destination needs it", async () => {
    const from = new Memory();
    const [one, two] = [from.image("one", "docker"), from.image("two", "docker")];
    from.top = from.add({
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifestList,
      manifests: [
        { ...one, platform: { ...platform("amd64").platform, "os.version": "7" } },
        { ...two, ...platform("arm64") },
      ],
    }).digest;
    const to = new Memory();
    const destination = to.destination([], { requiredFormat: "oci" });
    const written = await copyImage(from.source(), destination, { all: true });
    expect(to.blobs).toEqual(from.blobs);
    const index = JSON.parse(written.bytes.toString());
    expect(index.mediaType).toBe(mediaTypes.ociIndex);
    expect(index.manifests[0].platform["os.version"]).toBe("7");
    for (const entry of index.manifests) {
      const bytes = to.documents.get(entry.digest);
      expect(bytes).toHaveLength(entry.size);
      expect(JSON.parse(String(bytes))).toMatchObject({
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: mediaTypes.ociConfig },
        layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" }],
      });
    }
    // And back: what was converted twice says the same.
    to.top = written.digest;
    const back = new Memory();
    await copyImage(to.source(), back.destination([]), { all: true, format: "docker" });
    const manifests = [...back.documents.values()].map((bytes) => JSON.parse(String(bytes)));
    expect(manifests.map(({ config }) => config?.mediaType)).toContain(mediaTypes.dockerConfig);
    await expect(copyImage(from.source(), destination, { format: "docker" })).rejects.toMatchObject(
      { code: "USAGE" },
    );
  });

  it("ends at the first failure and says that one", async () => {
    const from = new Memory();
    const top = from.image("one");
    from.top = top.digest;
    for (const [digest] of from.blobs) from.blobs.set(digest, Buffer.from("wrong"));
    const log: string[] = [];
    const copying = copyImage(from.source(), new Memory().destination(log));
    await expect(copying).rejects.toMatchObject({ code: /MISMATCH/ });
    expect(log).not.toContain("top");
  });

  it("ends when it is aborted", async () => {
    const from = new Memory();
    from.top = from.image("one").digest;
    const abort = new AbortController();
    const destination = new Memory().destination([], {
      writeBlob: async (_descriptor, bytes) => {
        abort.abort();
        for await (const _ of bytes);
      },
    });
    await expect(
      copyImage(from.source(), destination, { signal: abort.signal }),
    ).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("does not follow indexes of indexes for ever", async () => {
    const from = new Memory();
    let entry = from.image("one");
    for (let depth = 0; depth < 5; depth += 1) {
      entry = from.add({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [{ ...entry, ...platform("amd64") }],
      });
    }
    from.top = entry.digest;
    await expect(
      copyImage(from.source(), new Memory().destination([]), { all: true }),
    ).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
  });
});
