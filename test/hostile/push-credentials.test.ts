import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import type { TsmanError } from "../../src/errors/index.ts";
import { isTsmanError } from "../../src/errors/index.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { sha256Digest } from "../../src/oci/digest.ts";
import {
  openRegistryDestination,
  type RegistryDestinationOptions,
} from "../../src/registry/image-destination.ts";
import { selfSigned } from "../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { basicOf } from "../support/registry-auth.ts";

// What a registry, or somebody between it and us, can do with an upload: it says itself where the
// bytes go.  The victims are servers that record what reaches them.

const secret = "hunter2-never-shown";
const auth = { kind: "basic", username: "me", password: secret } as const;
const bytes = randomBytes(5 * 1024 * 1024);
const descriptor: Descriptor = {
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: sha256Digest(bytes),
  size: bytes.length,
};
const tls = selfSigned({ hosts: ["127.0.0.1"] });
const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

async function start(
  options: Parameters<typeof startFaultyRegistry>[0] = {},
): Promise<FaultyRegistry> {
  const registry = await startFaultyRegistry(options);
  open.push(registry);
  return registry;
}

async function send(
  registry: FaultyRegistry,
  options: Partial<RegistryDestinationOptions> = {},
): Promise<void> {
  const destination = openRegistryDestination({
    registry: registry.host,
    repository: "demo/app",
    reference: "1",
    credentials: {
      findCredentials: () => ({ kind: "password", username: "me", password: secret }),
    },
    retry: { retries: 1, baseDelayMs: 1 },
    certificateDirs: [],
    ...options,
  });
  open.push(destination);
  if (await destination.hasBlob(descriptor)) return;
  const again = {
    [Symbol.asyncIterator]: async function* () {
      yield bytes;
    },
  };
  await destination.writeBlob(descriptor, again);
}

async function failure(promise: Promise<unknown>): Promise<TsmanError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!isTsmanError(error)) throw error;
  const shown = JSON.stringify([error.message, error.hint, error.details, error.stack]);
  expect(shown).not.toContain(secret);
  expect(shown).not.toContain(basicOf("me", secret).slice(6));
  return error;
}

/** Every Authorization header that reached a server. */
function authorizations(registry: FaultyRegistry): (string | undefined)[] {
  return registry.requests.map(({ headers }) => headers.authorization);
}

describe("an upload that goes on elsewhere (S53)", () => {
  test("goes there without credentials", async () => {
    const elsewhere = await start();
    const registry = await start({ auth, share: elsewhere });
    // One upload that both know: what arrives there is completed there.
    registry.uploads.open = elsewhere.uploads.open;
    registry.uploads.rules = { locationBase: elsewhere.origin };
    await send(registry);
    expect(elsewhere.content.blobs.get(descriptor.digest)?.equals(bytes)).toBe(true);
    expect(elsewhere.requests.map(({ method }) => method)).toEqual(["PATCH", "PUT"]);
    expect(authorizations(elsewhere)).toEqual([undefined, undefined]);
    expect(authorizations(registry)).toContain(basicOf("me", secret));
  });

  test("on another port of the same host is elsewhere too, also while it is resumed", async () => {
    const elsewhere = await start();
    const registry = await start({ auth });
    registry.uploads.open = elsewhere.uploads.open;
    registry.uploads.rules = { locationBase: elsewhere.origin };
    elsewhere.uploads.rules = { resetAfter: [1_000_000, 2_000_000, 3_000_000] };
    await send(registry);
    expect(elsewhere.requests.map(({ method }) => method)).toContain("GET");
    expect(new Set(authorizations(elsewhere))).toEqual(new Set([undefined]));
  });

  test("is not told who we are when that place asks", async () => {
    const elsewhere = await start({ auth });
    const registry = await start();
    registry.uploads.rules = { locationBase: elsewhere.origin };
    const error = await failure(send(registry));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(new Set(authorizations(elsewhere))).toEqual(new Set([undefined]));
  });

  test("in plain http, while the registry is https, does not go there", async () => {
    const elsewhere = await start();
    const registry = await start({ tls });
    registry.uploads.rules = { locationBase: elsewhere.origin };
    const error = await failure(send(registry, { tlsVerify: false }));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(error.hint).toContain("X-Forwarded-Proto");
    expect(elsewhere.requests).toEqual([]);
  });

  test.each([
    "http://169.254.169.254",
    "https://169.254.169.254",
    "https://me:password@registry.example",
    "http://registry.example",
    "ftp://registry.example",
    "file://",
  ])("at %s does not go there", async (locationBase) => {
    const registry = await start();
    registry.uploads.rules = { locationBase };
    const error = await failure(send(registry));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(registry.requestsOf("upload").map(({ method }) => method)).toEqual(["POST"]);
  });

  test("nowhere is an error", async () => {
    const registry = await start();
    registry.uploads.rules = { locationBase: "" };
    const error = await failure(send(registry));
    expect(error.message).toContain("does not say where");
  });
});

describe("an upload that is redirected", () => {
  test.each([301, 302, 307, 308])("by %d is not sent a second time", async (status) => {
    const elsewhere = await start();
    const registry = await start({ auth });
    registry.fault({
      on: "upload",
      method: "PATCH",
      action: { kind: "redirect", status, location: `${elsewhere.origin}{path}` },
    });
    const error = await failure(send(registry));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(elsewhere.requests).toEqual([]);
  });

  test("before it begins goes there without credentials", async () => {
    const elsewhere = await start();
    const registry = await start({ auth });
    registry.fault({
      on: "upload",
      method: "POST",
      action: { kind: "redirect", status: 307, location: `${elsewhere.origin}{path}` },
    });
    await send(registry);
    expect(new Set(authorizations(elsewhere))).toEqual(new Set([undefined]));
  });
});

describe("tokens for a push (S54)", () => {
  test("are for this repository, whatever the challenge proposes", async () => {
    const registry = await start({ auth: { kind: "bearer", username: "me", password: secret } });
    await send(registry);
    const scopes = registry
      .requestsOf("token")
      .map(({ url }) => new URL(url, registry.origin).searchParams.getAll("scope"));
    expect(scopes).toEqual([["repository:demo/app:pull,push"]]);
  });

  test("that may read another repository, for a mount, are used for that alone", async () => {
    const registry = await start({ auth: { kind: "bearer", username: "me", password: secret } });
    await send(registry, { repositoriesWith: () => ["other/base"] });
    const issued = registry.gatekeeper?.issued;
    for (const { headers, url } of registry.requests) {
      const token = headers.authorization?.replace("Bearer ", "") ?? "";
      const scopes = issued?.get(token) ?? [];
      const isMount = url.includes("from=other");
      expect(scopes.some((scope) => scope.includes("other/base"))).toBe(isMount && token !== "");
    }
  });
});
