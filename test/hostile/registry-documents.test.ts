import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TsmanError } from "../../src/errors/index.ts";
import { isTsmanError } from "../../src/errors/index.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { sha256Digest } from "../../src/oci/digest.ts";
import { mediaTypes } from "../../src/oci/media-types.ts";
import { createRegistryClient, type RegistryClient } from "../../src/registry/client.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";

// What a registry can say about an image in order to be misunderstood, or to be taken for another.

const amd64 = { os: "linux", architecture: "amd64" };
const name = "demo/app";

let registry: FaultyRegistry;
let client: RegistryClient;

beforeEach(async () => {
  registry = await startFaultyRegistry();
  client = createRegistryClient({
    registry: registry.host,
    repository: name,
    retry: { retries: 1, baseDelayMs: 1 },
  });
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await registry.close();
});

async function failure(promise: Promise<unknown>): Promise<TsmanError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (isTsmanError(error)) return error;
  throw error;
}

function describeBlob(bytes: Uint8Array, mediaType: string): Descriptor {
  registry.addBlob(bytes);
  return { mediaType, digest: sha256Digest(bytes), size: bytes.length };
}

const layerBytes = Buffer.from("layer");

/** An image manifest; whatever is given replaces members of it. */
function manifest(members: Record<string, unknown> = {}, configMembers = {}): string {
  const config = {
    ...amd64,
    rootfs: { type: "layers", diff_ids: [sha256Digest(layerBytes)] },
    ...configMembers,
  };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describeBlob(Buffer.from(JSON.stringify(config)), mediaTypes.ociConfig),
    layers: [describeBlob(layerBytes, "application/vnd.oci.image.layer.v1.tar")],
    ...members,
  });
}

function index(entries: readonly object[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries });
}

describe("a manifest that is also an index (S63, CVE-2021-41190)", () => {
  test("is refused whichever of the two it is called", async () => {
    const both = manifest({ manifests: [] });
    registry.addManifest(name, "latest", mediaTypes.ociManifest, both);
    expect((await failure(client.resolveImage("latest", amd64))).message).toContain("two ways");
    registry.addManifest(name, "latest", mediaTypes.ociIndex, both);
    expect((await failure(client.resolveImage("latest", amd64))).code).toBe("MANIFEST_INVALID");
  });

  test("is refused if the header calls it something else than it does itself", async () => {
    registry.addManifest(name, "latest", mediaTypes.dockerManifest, manifest());
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("MANIFEST_INVALID");
    expect(error.message).toContain("Content-Type");
  });

  test("is refused if the index called it something else", async () => {
    const body = manifest();
    const digest = registry.addManifest(name, undefined, mediaTypes.ociManifest, body);
    const entry = { mediaType: mediaTypes.dockerManifest, digest, size: body.length };
    const list = index([{ ...entry, platform: amd64 }]);
    registry.addManifest(name, "latest", mediaTypes.ociIndex, list);
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("MANIFEST_INVALID");
  });

  test("an index that leads to itself or another index is not followed", async () => {
    const inner = index([]);
    const digest = registry.addManifest(name, undefined, mediaTypes.ociIndex, inner);
    const entry = { mediaType: mediaTypes.ociIndex, digest, size: inner.length, platform: amd64 };
    registry.addManifest(name, "latest", mediaTypes.ociIndex, index([entry]));
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.message).toContain("is an index again");
  });
});

describe("a digest is of the bytes that arrive (S64)", () => {
  test("a manifest pinned by digest and served with other bytes is refused", async () => {
    const digest = sha256Digest("the image that was meant");
    registry.addManifestAs(name, digest, mediaTypes.ociManifest, manifest());
    registry.fault({
      on: "manifest",
      action: { kind: "headers", headers: { "docker-content-digest": digest } },
    });
    const error = await failure(client.resolveImage(digest, amd64));
    expect(error.code).toBe("DIGEST_MISMATCH");
    expect(error.details.expected).toBe(digest);
  });

  test("the header that names a digest is not believed for a tag either", async () => {
    const body = manifest();
    registry.addManifest(name, "latest", mediaTypes.ociManifest, body);
    const lie = sha256Digest("something else");
    registry.fault({
      on: "manifest",
      action: { kind: "headers", headers: { "docker-content-digest": lie } },
    });
    const image = await client.resolveImage("latest", amd64);
    expect(image.manifestDigest).toBe(sha256Digest(body));
  });

  test("a manifest that the index promised and that was exchanged is refused", async () => {
    const promised = manifest();
    const digest = sha256Digest(promised);
    const exchanged = manifest({ annotations: { a: "evil" } });
    registry.addManifestAs(name, digest, mediaTypes.ociManifest, exchanged);
    for (const [size, code] of [
      [exchanged.length, "DIGEST_MISMATCH"],
      [promised.length, "SIZE_MISMATCH"],
    ] as const) {
      const entry = { mediaType: mediaTypes.ociManifest, digest, size, platform: amd64 };
      registry.addManifest(name, "latest", mediaTypes.ociIndex, index([entry]));
      expect((await failure(client.resolveImage("latest", amd64))).code).toBe(code);
    }
  });

  test("a config that was exchanged is refused", async () => {
    registry.addManifest(name, "latest", mediaTypes.ociManifest, manifest());
    const config = [...registry.content.blobs.keys()].find(
      (digest) => digest !== sha256Digest(layerBytes),
    );
    const other = registry.content.blobs.get(config ?? "") ?? Buffer.alloc(0);
    registry.addBlobAs(config ?? "", other.toString().replace("amd64", "arm64"));
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("DIGEST_MISMATCH");
  });
});

describe("sizes (S59)", () => {
  test.each([-1, 2 ** 53, 1e300, 0.5, "5"])(
    "a layer of size %j is refused before it is asked for",
    async (size) => {
      const layer = { ...describeBlob(layerBytes, "application/vnd.oci.image.layer.v1.tar"), size };
      registry.addManifest(name, "latest", mediaTypes.ociManifest, manifest({ layers: [layer] }));
      const error = await failure(client.resolveImage("latest", amd64));
      expect(error.code).toBe("MANIFEST_INVALID");
      expect(error.message).toContain("layers.0.size");
      expect(registry.requestsOf("blob")).toEqual([]);
    },
  );

  test("a config of a petabyte is refused before it is asked for", async () => {
    const config = { mediaType: mediaTypes.ociConfig, digest: sha256Digest("c"), size: 2 ** 50 };
    registry.addManifest(name, "latest", mediaTypes.ociManifest, manifest({ config }));
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("SIZE_MISMATCH");
    expect(registry.requestsOf("blob")).toEqual([]);
  });

  test("a manifest without end is cut off", async () => {
    let sent = 0;
    registry.fault({
      on: "manifest",
      action: {
        kind: "respond",
        respond: (_request, response) => {
          response.setHeader("content-type", mediaTypes.ociManifest);
          const more = () => {
            while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)))
              sent += 65_536;
          };
          response.on("drain", more);
          more();
        },
      },
    });
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(error.message).toContain("more than the 4194304 bytes allowed");
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test("a manifest that says it is larger than allowed is not read", async () => {
    registry.addManifest(name, "latest", mediaTypes.ociManifest, Buffer.alloc(5_000_000, 0x20));
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_RESPONSE");
  });

  test("an error page without end is cut off", async () => {
    registry.fault({
      on: "manifest",
      action: { kind: "status", status: 403, body: "x".repeat(3_000_000) },
    });
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_DENIED");
    expect(error.message.length).toBeLessThan(300);
  });
});

describe("what was packed on the way is not unpacked (S58)", () => {
  test("nothing is asked for but the bytes themselves", async () => {
    registry.addManifest(name, "latest", mediaTypes.ociManifest, manifest());
    await client.resolveImage("latest", amd64);
    expect(registry.requests.length).toBeGreaterThan(1);
    for (const { headers } of registry.requests) {
      expect(headers["accept-encoding"]).toBe("identity");
    }
  });

  test("a manifest and a blob with a Content-Encoding are refused", async () => {
    registry.addManifest(name, "latest", mediaTypes.ociManifest, manifest());
    registry.fault({ on: "manifest", times: 1, action: { kind: "content-encoding" } });
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(error.message).toContain("Content-Encoding gzip");
    registry.fault({ on: "blob", times: 1, action: { kind: "content-encoding" } });
    expect((await failure(client.resolveImage("latest", amd64))).code).toBe("REGISTRY_RESPONSE");
  });

  test("neither are chained encodings, however many", async () => {
    const encoding = Array(5000).fill("gzip").join(", ").slice(0, 12_000);
    registry.addManifest(name, "latest", mediaTypes.ociManifest, gzipSync(manifest()));
    registry.fault({
      on: "manifest",
      action: { kind: "headers", headers: { "content-encoding": encoding } },
    });
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(error.message.length).toBeLessThan(400);
  });

  test("headers without end are refused", async () => {
    registry.addManifest(name, "latest", mediaTypes.ociManifest, manifest());
    registry.fault({
      on: "manifest",
      action: { kind: "headers", headers: { "x-long": "x".repeat(100_000) } },
    });
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_UNREACHABLE");
    expect(error.message).toContain("headers are too large");
  });
});

describe("names that mean something to JavaScript (S65)", () => {
  test("change nothing in a manifest or config", async () => {
    const evil = '{"__proto__":{"os":"windows"},"constructor":{"prototype":{"kind":"index"}},';
    registry.addManifest(
      name,
      "latest",
      mediaTypes.ociManifest,
      manifest({}, {}).replace("{", evil),
    );
    const image = await client.resolveImage("latest", amd64);
    expect(image.manifest.kind).toBe("manifest");
    expect(image.config.os).toBe("linux");
    expect(({} as { os?: unknown }).os).toBeUndefined();
  });

  test("a member that stands twice is refused, since two readers could differ", async () => {
    const twice = manifest().replace("{", '{"layers":[],');
    registry.addManifest(name, "latest", mediaTypes.ociManifest, twice);
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.message).toContain('member "layers" stands twice');
  });
});

test("an index without our platform is an error that lists what it has (S66)", async () => {
  const body = manifest({}, { architecture: "arm64" });
  const digest = registry.addManifest(name, undefined, mediaTypes.ociManifest, body);
  const entry = { mediaType: mediaTypes.ociManifest, digest, size: body.length };
  const platforms = [
    { os: "linux", architecture: "arm64", variant: "v8" },
    { os: "linux", architecture: "s390x" },
    { os: "linux", architecture: "\u001b[31mevil" },
    { os: "unknown", architecture: "unknown" },
  ];
  const list = index(platforms.map((platform) => ({ ...entry, platform })));
  registry.addManifest(name, "latest", mediaTypes.ociIndex, list);
  const error = await failure(client.resolveImage("latest", amd64));
  expect(error.code).toBe("PLATFORM_NOT_FOUND");
  expect(error.message).toContain("only linux/arm64/v8, linux/s390x, linux/?[31mevil");
  expect(registry.requests).toHaveLength(1);
});

test("an index that lies about a platform is found out by the config (S66)", async () => {
  const body = manifest({}, { architecture: "arm64" });
  const digest = registry.addManifest(name, undefined, mediaTypes.ociManifest, body);
  const entry = { mediaType: mediaTypes.ociManifest, digest, size: body.length, platform: amd64 };
  registry.addManifest(name, "latest", mediaTypes.ociIndex, index([entry]));
  const error = await failure(client.resolveImage("latest", amd64));
  expect(error.code).toBe("PLATFORM_NOT_FOUND");
});
