import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { createFallbackClient, type FallbackEvent } from "../../../src/registry/fallback-client.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../../support/faulty-registry.ts";

const bytes = randomBytes(300_000);
let mirror: FaultyRegistry;
let origin: FaultyRegistry;
let events: FallbackEvent[];

beforeEach(async () => {
  mirror = await startFaultyRegistry();
  origin = await startFaultyRegistry();
  events = [];
});

afterEach(async () => {
  await mirror.close();
  await origin.close();
});

/** A client that asks the mirror first. */
function client() {
  const retry = { retries: 0 };
  return createFallbackClient(
    [
      { registry: mirror.host, repository: "copy/app", retry },
      { registry: origin.host, repository: "demo/app", retry },
    ],
    (event) => events.push(event),
  );
}

function blobOf(digest: string): Descriptor {
  return { mediaType: "application/octet-stream", digest: digest as never, size: bytes.length };
}

const type = "application/vnd.oci.image.manifest.v1+json";

describe("a client of several places", () => {
  it("asks the first one only, as long as it answers", async () => {
    const digest = mirror.addBlob(bytes);
    mirror.addManifest("copy/app", "1", type, "{}");
    await using both = client();
    expect((await both.fetchManifest("1")).bytes.toString()).toBe("{}");
    expect(await both.fetchBlob(blobOf(digest), 1_000_000)).toEqual(bytes);
    expect(origin.requests).toEqual([]);
    expect(events).toEqual([]);
  });

  it("asks the next one for everything from the first failure on, and says so once", async () => {
    const digest = origin.addBlob(bytes);
    origin.addManifest("demo/app", "1", type, "{}");
    await using both = client();
    expect((await both.fetchManifest("1")).bytes.toString()).toBe("{}");
    expect(await both.fetchBlob(blobOf(digest), 1_000_000)).toEqual(bytes);
    expect(events).toMatchObject([
      { from: `${mirror.host}/copy/app`, to: `${origin.host}/demo/app` },
    ]);
    expect(events[0]?.error.code).toBe("REGISTRY_NOT_FOUND");
    expect(mirror.requests).toHaveLength(1);
  });

  it("does not take a mirror's word for it that something is not there", async () => {
    const digest = origin.addManifest("demo/app", "1", type, "{}");
    await using both = client();
    expect((await both.headManifest("1"))?.digest).toBe(digest);
    expect(await both.headManifest("2")).toBeUndefined();
  });

  it.each([
    ["has nothing", { kind: "status", status: 404 } as const],
    ["hangs up", { kind: "reset" } as const],
    ["breaks off", { kind: "reset-after", bytes: 200_000 } as const],
    ["promises another length", { kind: "truncate", bytes: 100_000 } as const],
    ["has a storm", { kind: "status", status: 503 } as const],
    [
      "limits its use",
      { kind: "status", status: 429, headers: { "retry-after": "9999" } } as const,
    ],
  ])("takes the rest of a blob from the next one when the first %s", async (_, action) => {
    const digest = origin.addBlob(bytes);
    mirror.addBlob(bytes);
    mirror.fault({ on: "blob", action });
    const chunks: Uint8Array[] = [];
    await using both = client();
    await both.downloadBlob(blobOf(digest), { sink: (chunk) => void chunks.push(chunk) });
    expect(Buffer.concat(chunks)).toEqual(bytes);
    const [request] = origin.requestsOf("blob");
    const arrived = Number(/^bytes=(\d+)-/.exec(request?.range ?? "bytes=0-")?.[1]);
    if (action.kind === "reset-after") expect(arrived).toBeGreaterThan(0);
    expect(request?.bytesSent).toBe(bytes.length - arrived);
  });

  it("goes on elsewhere when what it has brought was wrong, if there is somewhere else", async () => {
    const digest = origin.addBlob(bytes);
    mirror.addBlobAs(digest, randomBytes(bytes.length));
    await using both = client();
    const wrong = await both
      .downloadBlob(blobOf(digest), { sink: () => {} })
      .catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(both.distrust(digest, wrong)).toBe(true);
    await both.downloadBlob(blobOf(digest), { sink: () => {} });
    expect(both.distrust(digest, wrong)).toBe(false);
  });

  it("reports the last one's failure", async () => {
    await using both = client();
    await expect(both.fetchManifest("1")).rejects.toThrow(
      `fetch manifest ${origin.host}/demo/app:1`,
    );
  });

  it("does not go on where the caller has ended it", async () => {
    const digest = mirror.addBlob(bytes);
    mirror.fault({ on: "blob", action: { kind: "hang" } });
    const abort = new AbortController();
    await using both = client();
    const download = both.downloadBlob(blobOf(digest), { sink: () => {}, signal: abort.signal });
    await mirror.waitForRequest(({ kind }) => kind === "blob");
    abort.abort();
    await expect(download).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(origin.requests).toEqual([]);
  });
});
