import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../../src/oci/digest.ts";
import { createRegistryClient, type RegistryClient } from "../../../src/registry/client.ts";
import {
  type FaultAction,
  type FaultyRegistry,
  startFaultyRegistry,
} from "../../support/faulty-registry.ts";

const bytes = randomBytes(10_000);
const range = { start: 100, end: 300 };
let registry: FaultyRegistry;
let client: RegistryClient;

beforeEach(async () => {
  registry = await startFaultyRegistry();
  const retry = { retries: 1, baseDelayMs: 1 };
  client = createRegistryClient({ registry: registry.host, repository: "demo/app", retry });
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await registry.close();
});

async function fetchRange(signal?: AbortSignal): Promise<Buffer> {
  const digest = registry.addBlob(bytes) as Digest;
  const mediaType = "application/octet-stream";
  return await client.fetchRange({ mediaType, digest, size: bytes.length }, range, signal);
}

describe("a part of a blob", () => {
  it("is what was asked for", async () => {
    expect(await fetchRange()).toEqual(bytes.subarray(100, 300));
    expect(registry.requestsOf("blob").map((request) => request.range)).toEqual(["bytes=100-299"]);
  });

  it("is asked for again when the connection breaks", async () => {
    registry.fault({ on: "blob", times: 1, action: { kind: "short-body", bytes: 50 } });
    expect(await fetchRange()).toEqual(bytes.subarray(100, 300));
  });

  it.each<readonly [string, FaultAction]>([
    ["sends everything", { kind: "ignore-range" }],
    ["refuses", { kind: "refuse-range" }],
    ["sends another part", { kind: "wrong-range", shift: 1 }],
    ["says nothing of what it sends", { kind: "headers", headers: { "content-range": "" } }],
    [
      "has a blob of another size",
      { kind: "headers", headers: { "content-range": "bytes 100-299/9999" } },
    ],
    ["packs it", { kind: "headers", headers: { "content-encoding": "gzip" } }],
    ["sends more", { kind: "respond", respond: sendMore }],
  ])("of a registry that %s is an error", async (_, action) => {
    registry.fault({ on: "blob", action });
    await expect(fetchRange()).rejects.toMatchObject({ code: expect.stringMatching(/^REGISTRY_/) });
  });

  it("is not waited for when somebody wants to stop", async () => {
    await expect(fetchRange(AbortSignal.abort())).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

function sendMore(_: unknown, response: import("node:http").ServerResponse): void {
  response.writeHead(206, { "content-range": "bytes 100-299/10000" }).end(Buffer.alloc(5000));
}
