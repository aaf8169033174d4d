import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TsmanError } from "../../../src/errors/index.ts";
import { isTsmanError } from "../../../src/errors/index.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-types.ts";
import type { ImageDestination } from "../../../src/oci/transfer.ts";
import {
  openRegistryDestination,
  type RegistryDestinationOptions,
} from "../../../src/registry/image-destination.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../../support/faulty-registry.ts";

const mebibyte = 1024 * 1024;
const quick = { retries: 2, baseDelayMs: 1, maxDelayMs: 4, maxRetryAfterMs: 50 };
const large = randomBytes(6 * mebibyte);
const small = Buffer.from("a config, say");

let registry: FaultyRegistry;
let open: AsyncDisposable[];

beforeEach(async () => {
  registry = await startFaultyRegistry();
  open = [registry];
});

afterEach(async () => {
  for (const each of open.reverse()) await each[Symbol.asyncDispose]();
});

function destination(options: Partial<RegistryDestinationOptions> = {}): ImageDestination {
  const opened = openRegistryDestination({
    registry: registry.host,
    repository: "demo/app",
    reference: "1",
    retry: quick,
    ...options,
  });
  open.push(opened);
  return opened;
}

function descriptorOf(bytes: Buffer): Descriptor {
  return {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest: sha256Digest(bytes),
    size: bytes.length,
  };
}

/** Begins anew with each iteration, in pieces that fit no border. */
function repeatable(bytes: Buffer): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: async function* () {
      for (let at = 0; at < bytes.length; at += 300_007) yield bytes.subarray(at, at + 300_007);
    },
  };
}

async function send(to: ImageDestination, bytes: Buffer, of = descriptorOf(bytes)): Promise<void> {
  await to.writeBlob(of, repeatable(bytes));
}

function stored(bytes: Buffer): Buffer | undefined {
  return registry.content.blobs.get(sha256Digest(bytes));
}

/** `METHOD` of each request for an upload. */
function methods(): string[] {
  return registry.requestsOf("upload").map(({ method }) => method);
}

async function failure(promise: Promise<unknown>): Promise<TsmanError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (isTsmanError(error)) return error;
  throw error;
}

describe("a blob", () => {
  test("goes in one request when it is small", async () => {
    await send(destination(), small);
    expect(stored(small)).toEqual(small);
    expect(methods()).toEqual(["POST", "PUT"]);
  });

  test("goes in one piece when it is large, and is completed by its digest", async () => {
    await send(destination(), large);
    expect(stored(large)?.equals(large)).toBe(true);
    expect(methods()).toEqual(["POST", "PATCH", "PUT"]);
  });

  test("may be empty", async () => {
    await send(destination(), Buffer.alloc(0));
    expect(stored(Buffer.alloc(0))).toHaveLength(0);
  });

  test("is known to be there, or not, without being sent", async () => {
    const to = destination();
    expect(await to.hasBlob(descriptorOf(small))).toBe(false);
    registry.addBlob(small);
    expect(await to.hasBlob(descriptorOf(small))).toBe(true);
    expect(methods()).toEqual([]);
  });

  test("is not taken for there when the answer is about something of another length", async () => {
    registry.addBlobAs(sha256Digest(small), "a page that says 200 to everything");
    expect(await destination().hasBlob(descriptorOf(small))).toBe(false);
  });

  test.each([400, 403, 405, 501])(
    "is sent where a registry answers HEAD with %d",
    async (status) => {
      registry.fault({ on: "blob", method: "HEAD", action: { kind: "status", status } });
      const to = destination();
      expect(await to.hasBlob(descriptorOf(small))).toBe(false);
      await send(to, small);
      expect(stored(small)).toEqual(small);
    },
  );
});

describe("a mount", () => {
  const elsewhere = () => ["team/base", "demo/app"];

  beforeEach(() => {
    registry.addBlob(small);
    registry.fault({ on: "blob", method: "HEAD", action: { kind: "status", status: 404 } });
  });

  test("spares the upload", async () => {
    registry.uploads.rules = { mounts: true };
    const to = destination({ repositoriesWith: elsewhere });
    expect(await to.hasBlob(descriptorOf(small))).toBe(true);
    const [request] = registry.requestsOf("upload");
    const query = new URL(request?.url ?? "", "http://x").searchParams;
    expect([query.get("mount"), query.get("from")]).toEqual([sha256Digest(small), "team/base"]);
    expect(registry.requestsOf("upload")).toHaveLength(1);
  });

  test("that is answered by the beginning of an upload is gone on with", async () => {
    const to = destination({ repositoriesWith: elsewhere });
    expect(await to.hasBlob(descriptorOf(small))).toBe(false);
    await send(to, small);
    expect(methods()).toEqual(["POST", "PUT"]);
  });

  test.each([400, 403, 404, 405])("that is answered with %d is done without", async (status) => {
    registry.fault({
      on: "upload",
      method: "POST",
      when: ({ url }) => url.includes("mount="),
      action: { kind: "status", status },
    });
    const to = destination({ repositoriesWith: elsewhere });
    expect(await to.hasBlob(descriptorOf(small))).toBe(false);
    await send(to, small);
  });

  test("that leads to nothing leaves no upload open", async () => {
    const to = destination({ repositoriesWith: () => ["a/b", "c/d"] });
    expect(await to.hasBlob(descriptorOf(small))).toBe(false);
    expect(registry.uploads.open.size).toBe(1);
    await to[Symbol.asyncDispose]();
    expect(registry.uploads.open.size).toBe(0);
  });
});

/** A note that outlives a destination, as one on disk does: what stands there, last. */
function keptNote() {
  const kept: string[] = [];
  const claimNote = () => ({
    location: kept.at(-1),
    write: (location: string) => void kept.push(location),
    remove: () => void kept.splice(0),
    [Symbol.dispose]: () => undefined,
  });
  return { kept, claimNote };
}

/** Which bytes of a blob each PATCH said that it has. */
function patches(): (string | undefined)[] {
  return registry
    .requestsOf("upload")
    .filter(({ method }) => method === "PATCH")
    .map(({ headers }) => headers["content-range"] as string | undefined);
}

describe("an upload whose process ends", () => {
  const chunkBytes = 2 * mebibyte;
  const last = large.length - 1;

  async function interrupted(to: ImageDestination): Promise<void> {
    const stop = new AbortController();
    const sending = failure(to.writeBlob(descriptorOf(large), repeatable(large), stop.signal));
    await registry.waitForRequest(({ method }) => method === "PATCH");
    stop.abort();
    expect((await sending).code).toBe("INTERRUPTED");
  }

  test("is continued by the next where the registry says that it stopped", async () => {
    const { kept, claimNote } = keptNote();
    registry.uploads.rules = {
      resetAfter: [3 * mebibyte, 3 * mebibyte, 3 * mebibyte, 3 * mebibyte],
    };
    const options = { claimNote, retry: { ...quick, retries: 0 } };
    expect((await failure(send(destination(options), large))).code).toBe("REGISTRY_UNREACHABLE");
    expect(kept).toHaveLength(1);
    registry.uploads.rules = {};
    await send(destination(options), large);
    expect(patches()).toEqual([undefined, `${3 * mebibyte}-${last}`]);
    expect(stored(large)?.equals(large)).toBe(true);
    expect(kept).toEqual([]);
    expect(methods().filter((method) => method === "POST")).toHaveLength(1);
  });

  test("begins anew where the registry has lost it", async () => {
    const { kept, claimNote } = keptNote();
    registry.uploads.rules = { stallAfter: 1000 };
    await interrupted(destination({ claimNote }));
    expect(kept).toHaveLength(1);
    registry.uploads.open.clear();
    registry.uploads.rules = {};
    await send(destination({ claimNote }), large);
    expect(patches()).toEqual([undefined, undefined]);
    expect(stored(large)?.equals(large)).toBe(true);
    expect(kept).toEqual([]);
  });

  test("goes on behind the chunks that the registry has", async () => {
    const { kept, claimNote } = keptNote();
    const options = { claimNote, chunkBytes, retry: { ...quick, retries: 0 } };
    registry.uploads.rules = { maxBody: chunkBytes, resetAfter: [2 * chunkBytes + 1] };
    expect((await failure(send(destination(options), large))).code).toBe("REGISTRY_UNREACHABLE");
    // After the beginning, and after each chunk.
    expect(kept).toHaveLength(3);
    const before = patches().length;
    await send(destination(options), large);
    expect(patches()[before]).toBe(`${2 * chunkBytes + 1}-${last}`);
    expect(stored(large)?.equals(large)).toBe(true);
  });

  test.each([
    "no URL at all",
    "file:///etc/passwd",
    "http://169.254.169.254/latest",
    "http://user:secret@127.0.0.1/",
  ])("is not looked for at %s", async (location) => {
    const { kept, claimNote } = keptNote();
    kept.push(location);
    await send(destination({ claimNote }), large);
    expect(stored(large)?.equals(large)).toBe(true);
    expect(methods()).not.toContain("GET");
  });

  test("is noted for larger blobs only", async () => {
    const { kept, claimNote } = keptNote();
    registry.fault({ on: "upload", method: "PUT", times: 1, action: { kind: "reset" } });
    const options = { claimNote, retry: { ...quick, retries: 0 } };
    expect((await failure(send(destination(options), small))).code).toBe("REGISTRY_UNREACHABLE");
    expect(kept).toEqual([]);
  });
});

describe("an upload that breaks", () => {
  test("goes on where the registry says that it stopped", async () => {
    registry.uploads.rules = { resetAfter: [2 * mebibyte, 5 * mebibyte] };
    await send(destination(), large);
    expect(stored(large)?.equals(large)).toBe(true);
    const resumed = registry
      .requestsOf("upload")
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => headers["content-range"]);
    const last = large.length - 1;
    expect(resumed).toEqual([undefined, `${2 * mebibyte}-${last}`, `${5 * mebibyte}-${last}`]);
  });

  test("begins anew at a registry that does not say what it has", async () => {
    registry.uploads.rules = { resetAfter: [2 * mebibyte], knowsStatus: false };
    await send(destination(), large);
    expect(stored(large)?.equals(large)).toBe(true);
    expect(methods().filter((method) => method === "POST")).toHaveLength(2);
  });

  test("is repeated as a whole when it is small", async () => {
    registry.fault({ on: "upload", method: "PUT", times: 1, action: { kind: "reset" } });
    await send(destination(), small);
    expect(stored(small)).toEqual(small);
    expect(registry.uploads.open.size).toBe(0);
  });

  test("begins anew when the registry has forgotten it", async () => {
    registry.fault({
      on: "upload",
      method: "PATCH",
      times: 1,
      action: { kind: "status", status: 404 },
    });
    registry.uploads.rules = { knowsStatus: false };
    await send(destination(), large);
    expect(stored(large)?.equals(large)).toBe(true);
  });

  test("is over when only the answer to its end was lost", async () => {
    let puts = 0;
    registry.fault({
      on: "upload",
      method: "PUT",
      times: 1,
      action: {
        kind: "respond",
        respond: (request) => {
          puts += 1;
          registry.addBlob(small);
          request.socket.resetAndDestroy();
        },
      },
    });
    await send(destination(), small);
    expect(puts).toBe(1);
    expect(methods()).toEqual(["POST", "PUT"]);
  });

  test("is broken off and resumed when nobody takes the bytes", async () => {
    registry.uploads.rules = { stallAfter: 1000 };
    const huge = randomBytes(16 * mebibyte);
    await send(destination({ timeouts: { stallMs: 1000 } }), huge);
    expect(stored(huge)?.equals(huge)).toBe(true);
  });

  test("is an error after as many attempts as allowed, and is cancelled", async () => {
    registry.uploads.rules = { resetAfter: [0, 0, 0, 0, 0, 0] };
    const error = await failure(send(destination(), large));
    expect(error.code).toBe("REGISTRY_UNREACHABLE");
    expect(error.message).toContain("send blob");
    expect(stored(large)).toBeUndefined();
  });

  test("is an error when its bytes come from a stream that is read once", async () => {
    registry.uploads.rules = { resetAfter: [2 * mebibyte] };
    const once = repeatable(large)[Symbol.asyncIterator]() as AsyncGenerator<Uint8Array>;
    const error = await failure(destination().writeBlob(descriptorOf(large), once));
    expect(error.code).toBe("REGISTRY_UNREACHABLE");
  });

  test("is interrupted by the caller, and cancelled", async () => {
    const stop = new AbortController();
    registry.uploads.rules = { stallAfter: 1000 };
    const sending = failure(
      destination().writeBlob(descriptorOf(large), repeatable(large), stop.signal),
    );
    await registry.waitForRequest(({ method }) => method === "PATCH");
    stop.abort();
    expect((await sending).code).toBe("INTERRUPTED");
    expect(registry.uploads.open.size).toBe(0);
  });
});

describe("a proxy that takes no large bodies", () => {
  test.each([
    ["as it was told", 0, [6, 4, 2]],
    ["no smaller than it wants them", 5 * mebibyte, [6, 5, 1]],
  ])("is given chunks, %s", async (_, chunkMinLength, expected) => {
    registry.uploads.rules = { maxBody: 5 * mebibyte, chunkMinLength };
    await send(destination({ chunkBytes: 4 * mebibyte }), large);
    expect(stored(large)?.equals(large)).toBe(true);
    const lengths = registry
      .requestsOf("upload")
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => Number(headers["content-length"]) / mebibyte);
    expect(lengths).toEqual(expected);
  });

  test("that takes none at all is named with the remedy", async () => {
    registry.uploads.rules = { maxBody: 1000 };
    const error = await failure(send(destination({ chunkBytes: mebibyte }), large));
    expect(error.code).toBe("REGISTRY_DENIED");
    expect(error.hint).toContain("quota");
    expect(registry.uploads.open.size).toBe(0);
  });
});

describe("bytes that are not what they should be", () => {
  test("are not completed when their digest is another", async () => {
    const damaged = Buffer.from(large);
    damaged[3_000_000] = 0xff ^ (damaged[3_000_000] ?? 0);
    const error = await failure(send(destination(), damaged, descriptorOf(large)));
    expect(error.code).toBe("DIGEST_MISMATCH");
    expect(registry.content.blobs.size).toBe(0);
    expect(registry.uploads.open.size).toBe(0);
  });

  test.each([
    ["fewer", large.subarray(1)],
    ["more", Buffer.concat([large, small])],
  ])("are not completed when they are %s", async (_, bytes) => {
    const error = await failure(send(destination(), bytes, descriptorOf(large)));
    expect(error.code).toBe("SIZE_MISMATCH");
    expect(registry.content.blobs.size).toBe(0);
    expect(registry.uploads.open.size).toBe(0);
  });

  test("that cannot be read are the reader's error, without another attempt", async () => {
    const reading = new Error("the disk is gone");
    const broken: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: async function* () {
        yield large.subarray(0, mebibyte);
        throw reading;
      },
    };
    await expect(destination().writeBlob(descriptorOf(large), broken)).rejects.toBe(reading);
    expect(registry.uploads.open.size).toBe(0);
  });
});

describe("a manifest", () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const manifest = { bytes, mediaType: mediaTypes.ociManifest, digest: sha256Digest(bytes) };

  test("has its tag only after the commit", async () => {
    const to = destination();
    await to.writeManifest(manifest, { isTop: true });
    expect(registry.content.manifests.size).toBe(0);
    await to.commit();
    expect(registry.content.manifests.get("demo/app:1")?.body).toEqual(bytes);
    expect(registry.content.manifests.get("demo/app:1")?.mediaType).toBe(mediaTypes.ociManifest);
  });

  test("that an index names goes by its digest", async () => {
    await destination().writeManifest(manifest, { isTop: false });
    expect([...registry.content.manifests.keys()]).toEqual([`demo/app@${manifest.digest}`]);
  });

  test("that is refused for its format names the other one", async () => {
    registry.fault({ on: "manifest", method: "PUT", action: { kind: "status", status: 415 } });
    const to = destination();
    await to.writeManifest(manifest, { isTop: true });
    expect((await failure(to.commit())).hint).toContain("--format v2s2");
  });

  test("is not pushed to the digest of another one", async () => {
    const to = destination({ reference: sha256Digest("another") });
    await to.writeManifest(manifest, { isTop: true });
    expect((await failure(to.commit())).code).toBe("DIGEST_MISMATCH");
    expect(registry.requestsOf("manifest")).toEqual([]);
  });
});

describe("a refusal", () => {
  test.each([
    [401, "REGISTRY_AUTH", "tsman login"],
    [403, "REGISTRY_DENIED", "tsman login"],
    [404, "REGISTRY_NOT_FOUND", "made first"],
    [405, "REGISTRY_DENIED", "mirror"],
    [413, "REGISTRY_DENIED", "quota"],
  ])("of status %d says what to do", async (status, code, hint) => {
    registry.fault({
      on: "upload",
      method: "POST",
      action: {
        kind: "status",
        status,
        headers: status === 401 ? { "www-authenticate": 'Basic realm="x"' } : {},
      },
    });
    const error = await failure(send(destination(), small));
    expect(error.code).toBe(code);
    expect(error.hint).toContain(hint);
  });

  test("for now is waited for as long as the registry asks", async () => {
    registry.fault({
      on: "upload",
      method: "POST",
      times: 1,
      action: { kind: "status", status: 429, headers: { "retry-after": "0" } },
    });
    await send(destination(), small);
    expect(stored(small)).toEqual(small);
  });
});
