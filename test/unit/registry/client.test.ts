import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "smol-toml";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TsmanError } from "../../../src/errors/index.ts";
import { isTsmanError } from "../../../src/errors/index.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-types.ts";
import { createRegistryClient, type RegistryClient } from "../../../src/registry/client.ts";
import type { RegistryClientOptions, RetryEvent } from "../../../src/registry/settings.ts";
import {
  type FaultAction,
  type FaultyRegistry,
  type RequestKind,
  startFaultyRegistry,
} from "../../support/faulty-registry.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const layerType = "application/vnd.oci.image.layer.v1.tar";
const body = randomBytes(600_000);
const quick = { retries: 3, baseDelayMs: 1, maxDelayMs: 4, maxRetryAfterMs: 50 };

let registry: FaultyRegistry;
let client: RegistryClient;
let retries: RetryEvent[];

function clientOf(options: Partial<RegistryClientOptions> = {}): RegistryClient {
  return createRegistryClient({
    registry: registry.host,
    repository: "demo/app",
    retry: quick,
    onRetry: (event) => {
      retries.push(event);
    },
    ...options,
  });
}

beforeEach(async () => {
  registry = await startFaultyRegistry();
  retries = [];
  client = clientOf();
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await registry.close();
});

/** The error with which something fails. */
async function failure(promise: Promise<unknown>): Promise<TsmanError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (isTsmanError(error)) return error;
  throw error;
}

/** Serves `bytes` as a blob. */
function blob(bytes: Uint8Array): Descriptor {
  registry.addBlob(bytes);
  return { mediaType: layerType, digest: sha256Digest(bytes), size: bytes.length };
}

/** Serves an image of one layer; returns the digest of its manifest. */
function addImage(tag: string | undefined, architecture = "amd64", diffIds = [sha256Digest(body)]) {
  const document = { os: "linux", architecture, rootfs: { type: "layers", diff_ids: diffIds } };
  const config = Buffer.from(JSON.stringify(document));
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { ...blob(config), mediaType: mediaTypes.ociConfig },
    layers: [blob(body)],
  });
  const digest = registry.addManifest("demo/app", tag, mediaTypes.ociManifest, manifest);
  return { digest, size: manifest.length };
}

/** Downloads into memory. */
async function download(
  descriptor: Descriptor,
  options: { kept?: Uint8Array; signal?: AbortSignal; by?: RegistryClient } = {},
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await (options.by ?? client).downloadBlob(descriptor, {
    sink: (chunk) => {
      chunks.push(chunk);
    },
    resumeFrom: options.kept === undefined ? undefined : [options.kept],
    signal: options.signal,
  });
  return Buffer.concat(chunks);
}

function fault(action: FaultAction, on: RequestKind = "blob", times = 1): void {
  registry.fault({ on, times, action });
}

describe("resolving an image", () => {
  test("a tag leads through the index to manifest and config of the platform", async () => {
    const mine = addImage(undefined);
    const other = addImage(undefined, "arm64");
    const entries = [
      {
        ...other,
        mediaType: mediaTypes.ociManifest,
        platform: { ...amd64, architecture: "arm64" },
      },
      { ...mine, mediaType: mediaTypes.ociManifest, platform: amd64 },
    ];
    const index = registry.addManifest(
      "demo/app",
      "latest",
      mediaTypes.ociIndex,
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries }),
    );
    const image = await client.resolveImage("latest", amd64);
    expect(image.manifestDigest).toBe(mine.digest);
    expect(image.indexDigest).toBe(index);
    expect(image.manifest.layers[0]?.digest).toBe(sha256Digest(body));
    expect(image.config.rootfs.diffIds).toEqual([sha256Digest(body)]);
    const arm = await client.resolveImage(index, { os: "linux", architecture: "arm64" });
    expect(arm.manifestDigest).toBe(other.digest);
  });

  test("an image for another platform is refused, with the way to take it all the same", async () => {
    addImage("latest", "s390x");
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("PLATFORM_NOT_FOUND");
    expect(error.hint).toContain("--platform linux/s390x");
  });

  test("a manifest and a config that disagree on the number of layers are refused", async () => {
    addImage("latest", "amd64", []);
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("MANIFEST_INVALID");
    expect(error.message).toContain("1 layers in its manifest, but 0 in its config");
  });

  test("a tag that is not there is named", async () => {
    const error = await failure(client.resolveImage("absent", amd64));
    expect(error.code).toBe("REGISTRY_NOT_FOUND");
    expect(error.message).toContain(`${registry.host}/demo/app:absent`);
    expect(retries).toEqual([]);
  });

  test("asking what a tag points to fetches nothing", async () => {
    const { digest } = addImage("latest");
    expect(await client.headManifest("latest")).toMatchObject({ digest });
    expect(await client.headManifest("absent")).toBeUndefined();
    expect(registry.requests.map(({ method }) => method)).toEqual(["HEAD", "HEAD"]);
  });

  test("a registry that stumbles is asked again", async () => {
    addImage("latest");
    fault({ kind: "status", status: 503 }, "manifest");
    fault({ kind: "reset" }, "manifest");
    await client.resolveImage("latest", amd64);
    expect(retries.map(({ what }) => what)).toEqual(["latest", "latest"]);
    expect(retries[0]?.reason).toContain("answers 503");
    expect(retries[1]?.reason).toContain("connection");
  });
});

describe("downloading a blob", () => {
  test("all bytes arrive in order, with progress up to the end", async () => {
    const descriptor = blob(body);
    const progress: number[] = [];
    const chunks: Uint8Array[] = [];
    await client.downloadBlob(descriptor, {
      sink: async (chunk) => {
        await Promise.resolve();
        chunks.push(chunk);
      },
      onProgress: (current) => progress.push(current),
    });
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
    expect(progress.at(-1)).toBe(body.length);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  test("an empty blob needs no request", async () => {
    expect((await download(blob(Buffer.alloc(0)))).length).toBe(0);
    expect(registry.requests).toEqual([]);
  });

  test("a connection that breaks goes on by Range where it stopped", async () => {
    const descriptor = blob(body);
    fault({ kind: "reset-after", bytes: 200_000 });
    fault({ kind: "short-body", bytes: 100_000 });
    expect((await download(descriptor)).equals(body)).toBe(true);
    const [first, second, third] = registry.requestsOf("blob");
    expect(first?.range).toBeUndefined();
    expect(second?.range).toMatch(/^bytes=\d+-$/);
    expect(third?.range).toMatch(/^bytes=\d+-$/);
    expect(third?.bytesSent).toBeLessThan(body.length);
    expect(retries.map(({ what }) => what)).toEqual([descriptor.digest, descriptor.digest]);
  });

  test("progress renews patience, so a line that breaks often still brings a blob through", async () => {
    const descriptor = blob(body);
    fault({ kind: "short-body", bytes: 70_000 }, "blob", 7);
    expect((await download(descriptor)).equals(body)).toBe(true);
    expect(retries).toHaveLength(7);
  });

  test("a line that brings a few bytes at a time is given up all the same", async () => {
    const descriptor = blob(body);
    fault({ kind: "short-body", bytes: 100 }, "blob", 99);
    const error = await failure(download(descriptor));
    expect(error.message).toContain("closed before everything had arrived");
    expect(registry.requestsOf("blob")).toHaveLength(quick.retries + 1);
  });

  test("a registry that is restarted in the middle is waited for", async () => {
    const bytes = body.subarray(0, 200_000);
    const server = createServer((request, response) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      if (start > 0) {
        const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
        response.writeHead(206, { "content-range": range });
        response.end(bytes.subarray(start));
        return;
      }
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100_000), () => {
        server.close();
        server.closeAllConnections();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const reasons: string[] = [];
    await using patient = clientOf({
      registry: `127.0.0.1:${port}`,
      retry: { retries: 20, baseDelayMs: 5, maxDelayMs: 50 },
      onRetry: ({ reason }) => {
        reasons.push(reason);
        if (reason.includes("refused") && !server.listening) server.listen(port, "127.0.0.1");
      },
    });
    const descriptor = { mediaType: layerType, digest: sha256Digest(bytes), size: bytes.length };
    expect((await download(descriptor, { by: patient })).equals(bytes)).toBe(true);
    expect(reasons.some((reason) => reason.includes("refused"))).toBe(true);
    server.close();
    server.closeAllConnections();
  });

  test("a line that brings nothing is given up after the retries", async () => {
    const descriptor = blob(body);
    fault({ kind: "reset" }, "blob", 99);
    const error = await failure(download(descriptor));
    expect(error.code).toBe("REGISTRY_UNREACHABLE");
    expect(error.message).toContain(descriptor.digest);
    expect(retries).toHaveLength(quick.retries);
  });

  test.each<FaultAction>([
    { kind: "ignore-range" },
    { kind: "wrong-range", shift: 5 },
    { kind: "refuse-range" },
  ])("a registry that answers a Range with $kind costs time but no byte", async (action) => {
    const descriptor = blob(body);
    fault({ kind: "short-body", bytes: 300_000 });
    fault(action);
    expect((await download(descriptor)).equals(body)).toBe(true);
  });

  test("a transfer that stalls is broken off and resumed", async () => {
    const descriptor = blob(body);
    const patient = clientOf({ timeouts: { stallMs: 100 } });
    fault({ kind: "hold", bytes: 100_000, until: new Promise(() => {}) });
    const bytes = await download(descriptor, { by: patient });
    expect(bytes.equals(body)).toBe(true);
    expect(retries[0]?.reason).toContain("stalled");
    await patient[Symbol.asyncDispose]();
  });

  test("a transfer that drips is broken off and resumed, though it never stands still", async () => {
    const descriptor = blob(body);
    const patient = clientOf({ timeouts: { stallMs: 200, leastSpeed: 100_000 } });
    fault({ kind: "drip", chunk: 100, ms: 20 });
    const bytes = await download(descriptor, { by: patient });
    expect(bytes.equals(body)).toBe(true);
    expect(retries[0]?.reason).toContain("slower than transfer.min_speed");
    await patient[Symbol.asyncDispose]();
  });

  test("a registry that only drips ends in an error that says so, documents included", async () => {
    const timeouts = { stallMs: 100, leastSpeed: 100_000 };
    const impatient = clientOf({ timeouts, retry: { ...quick, retries: 1 } });
    addImage("latest");
    for (const on of ["blob", "manifest"] as const) {
      fault({ kind: "drip", chunk: 1, ms: 20 }, on, 99);
      const asked =
        on === "blob"
          ? download(blob(body), { by: impatient })
          : impatient.fetchManifest("latest").then(() => Buffer.of());
      const error = await failure(asked);
      expect([error.code, error.message]).toEqual([
        "REGISTRY_UNREACHABLE",
        expect.stringContaining("slower than transfer.min_speed allows"),
      ]);
    }
    await impatient[Symbol.asyncDispose]();
  });

  test("a registry that never answers ends in an error that says so", async () => {
    const descriptor = blob(body);
    const impatient = clientOf({ timeouts: { headersMs: 50 }, retry: { ...quick, retries: 1 } });
    fault({ kind: "hang" }, "blob", 99);
    const error = await failure(download(descriptor, { by: impatient }));
    expect(error.message).toContain("no answer within the time allowed");
    await impatient[Symbol.asyncDispose]();
  });

  test("a body without a length is taken and measured", async () => {
    const descriptor = blob(body);
    fault({ kind: "chunked" });
    expect((await download(descriptor)).equals(body)).toBe(true);
  });

  test.each<FaultAction>([
    { kind: "truncate", bytes: 1000 },
    { kind: "extend", bytes: 1 },
  ])("a blob of another size ($kind) is refused before it is taken", async (action) => {
    const descriptor = blob(body);
    fault(action, "blob", 99);
    const error = await failure(download(descriptor));
    expect(error.code).toBe("SIZE_MISMATCH");
    expect(retries).toEqual([]);
  });

  test("a body without a length that is too long is cut off, and the sink sees no surplus", async () => {
    const descriptor = { ...blob(body), size: body.length - 1 };
    fault({ kind: "chunked" }, "blob", 99);
    let seen = 0;
    const sink = (chunk: Uint8Array) => {
      seen += chunk.length;
    };
    const error = await failure(client.downloadBlob(descriptor, { sink }));
    expect(error.code).toBe("SIZE_MISMATCH");
    expect(seen).toBeLessThan(body.length);
  });

  test("one inverted byte is found", async () => {
    const descriptor = blob(body);
    fault({ kind: "corrupt", offset: 400_000 });
    const error = await failure(download(descriptor));
    expect(error.code).toBe("DIGEST_MISMATCH");
    expect(error.details).toMatchObject({ expected: descriptor.digest, isResumed: false });
  });

  test("a failing sink ends the download with its own error", async () => {
    const descriptor = blob(body);
    const full = new Error("no space left");
    const sink = () => Promise.reject(full);
    await expect(client.downloadBlob(descriptor, { sink })).rejects.toBe(full);
    expect(retries).toEqual([]);
  });

  test("a caller that gives up is served at once", async () => {
    const descriptor = blob(body);
    const controller = new AbortController();
    fault({ kind: "hold", bytes: 1000, until: new Promise(() => {}) });
    const ended = failure(download(descriptor, { signal: controller.signal }));
    await registry.waitForRequest(({ kind }) => kind === "blob");
    controller.abort();
    expect((await ended).code).toBe("INTERRUPTED");
  });
});

describe("a beginning that was kept", () => {
  test("is not asked for again and not given to the sink", async () => {
    const descriptor = blob(body);
    const rest = await download(descriptor, { kept: body.subarray(0, 500_000) });
    expect(rest.equals(body.subarray(500_000))).toBe(true);
    expect(registry.requestsOf("blob")[0]?.range).toBe("bytes=500000-");
  });

  test("that is complete is verified without a request", async () => {
    expect((await download(blob(body), { kept: body })).length).toBe(0);
    expect(registry.requests).toEqual([]);
  });

  test.each([
    ["damaged", Buffer.alloc(1000)],
    ["too long", Buffer.alloc(body.length + 1)],
  ])("that is %s is found, and the error says that it was kept", async (_, kept) => {
    const error = await failure(download(blob(body), { kept }));
    expect(error.code).toBe("DIGEST_MISMATCH");
    expect(error.details.isResumed).toBe(true);
  });
});

describe("errors say what to do", () => {
  test("a limit of the registry names the wait and the way around it", async () => {
    const headers = { "retry-after": "600", "ratelimit-limit": "100;w=21600" };
    fault({ kind: "status", status: 429, headers }, "manifest", 99);
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_RATE_LIMIT");
    expect(error.hint).toContain("in 10 minutes");
    expect(error.message).toContain("(100 times in 6 hours)");
    expect(error.hint).toContain(`tsman login ${registry.host}`);
    const line = /in config\.toml: (.*)$/.exec(error.hint ?? "")?.[1] ?? "";
    expect(parse(line)).toEqual({
      registry: [{ prefix: registry.host, mirror: [{ location: "MIRROR" }] }],
    });
    expect(registry.requests).toHaveLength(1);
  });

  test("a short limit is waited for", async () => {
    addImage("latest");
    fault({ kind: "status", status: 429, headers: { "retry-after": "0" } }, "manifest");
    await client.resolveImage("latest", amd64);
    expect(retries).toHaveLength(1);
  });

  test("what the registry says is passed on, in one line", async () => {
    const text = JSON.stringify({ errors: [{ code: "DENIED", message: "no\u001b[31m\n entry" }] });
    fault({ kind: "status", status: 403, body: text }, "manifest");
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_DENIED");
    expect(error.message).toMatch(/\(DENIED: no \[31m entry\)$/);
  });

  test("a registry that is not there is named with its address", async () => {
    const { host } = registry;
    await registry.close();
    const error = await failure(client.resolveImage("latest", amd64));
    expect(error.code).toBe("REGISTRY_UNREACHABLE");
    expect(error.message).toContain(host);
    expect(error.message).toContain("connection refused");
    expect(error.hint).toContain(host);
    expect(retries).toEqual([]);
    registry = await startFaultyRegistry();
  });
});
