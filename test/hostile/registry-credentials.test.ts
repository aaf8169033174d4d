import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TsmanError } from "../../src/errors/index.ts";
import { isTsmanError } from "../../src/errors/index.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { sha256Digest } from "../../src/oci/digest.ts";
import { mediaTypes } from "../../src/oci/media-types.ts";
import { createRegistryClient } from "../../src/registry/client.ts";
import type { CredentialProvider } from "../../src/registry/credentials.ts";
import { fileCredentials } from "../../src/registry/credentials.ts";
import type { RegistryClientOptions } from "../../src/registry/settings.ts";
import { selfSigned } from "../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { basicOf } from "../support/registry-auth.ts";

// What a registry, or somebody between it and us, can do to get hold of credentials.  The victims
// are servers that record what reaches them.

const secret = "hunter2-never-shown";
const password: CredentialProvider = {
  findCredentials: () => ({ kind: "password", username: "me", password: secret }),
};
const bytes = Buffer.from("a blob that stands for a layer");
const descriptor: Descriptor = {
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: sha256Digest(bytes),
  size: bytes.length,
};
const tls = selfSigned({ hosts: ["127.0.0.1"] });

const open: AsyncDisposable[] = [];
let authorities: string;

beforeEach(() => {
  authorities = mkdtempSync(join(tmpdir(), "tsman-authorities-"));
});

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  rmSync(authorities, { recursive: true });
});

async function start(
  options: Parameters<typeof startFaultyRegistry>[0] = {},
): Promise<FaultyRegistry> {
  const registry = await startFaultyRegistry(options);
  registry.addBlob(bytes);
  open.push(registry);
  return registry;
}

function clientOf(registry: FaultyRegistry, options: Partial<RegistryClientOptions> = {}) {
  const client = createRegistryClient({
    registry: registry.host,
    repository: "demo/app",
    credentials: password,
    retry: { retries: 1, baseDelayMs: 1 },
    certificateDirs: [authorities],
    ...options,
  });
  open.push(client);
  return client;
}

async function download(client: ReturnType<typeof clientOf>, of = descriptor): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await client.downloadBlob(of, {
    sink: (chunk) => {
      chunks.push(chunk);
    },
  });
  return Buffer.concat(chunks);
}

async function failure(promise: Promise<unknown>): Promise<TsmanError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!isTsmanError(error)) throw error;
  // No error shows a secret, whatever it is about (S61).
  const encoded = Buffer.from(`me:${secret}`).toString("base64");
  const shown = JSON.stringify([error.message, error.hint, error.details, error.stack]);
  expect(shown).not.toContain(secret);
  expect(shown).not.toContain(encoded);
  return error;
}

/** Every Authorization header that reached a server. */
function authorizations(registry: FaultyRegistry): (string | undefined)[] {
  return registry.requests.map(({ headers }) => headers.authorization);
}

describe("credentials that are wanted are given", () => {
  test("Basic: after a challenge, and then at once", async () => {
    const registry = await start({ auth: { kind: "basic", username: "me", password: secret } });
    const client = clientOf(registry);
    await download(client);
    await download(client);
    const basic = basicOf("me", secret);
    expect(authorizations(registry)).toEqual([undefined, basic, basic]);
  });

  test("Basic: what is refused is not sent for ever", async () => {
    const registry = await start({ auth: { kind: "loop" } });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(error.message).toContain("does not accept the credentials");
    expect(registry.requests).toHaveLength(2);
  });

  test("Basic: without credentials the error says how to give them", async () => {
    const registry = await start({ auth: { kind: "loop" } });
    const client = clientOf(registry, { credentials: fileCredentials([]) });
    const error = await failure(download(client));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(error.hint).toContain("--creds");
  });

  test.each(["token", "access_token"] as const)("Bearer: a token comes as %s", async (field) => {
    const auth = { kind: "bearer", username: "me", password: secret, field } as const;
    const registry = await start({ auth });
    expect((await download(clientOf(registry))).equals(bytes)).toBe(true);
    const [, token, blob] = registry.requests;
    expect(token?.headers.authorization).toBe(basicOf("me", secret));
    expect(new URL(token?.url ?? "", registry.origin).searchParams.getAll("scope")).toEqual([
      "repository:demo/app:pull",
    ]);
    expect(blob?.headers.authorization).toMatch(/^Bearer /);
  });

  test("Bearer: without credentials an anonymous token is asked for", async () => {
    const registry = await start({ auth: { kind: "bearer" } });
    const client = clientOf(registry, { credentials: undefined });
    expect((await download(client)).equals(bytes)).toBe(true);
    expect(registry.requestsOf("token")[0]?.headers.authorization).toBeUndefined();
  });

  test("Bearer: one token serves all requests that meet the challenge together", async () => {
    const registry = await start({ auth: { kind: "bearer" } });
    const client = clientOf(registry);
    await Promise.all([download(client), download(client), download(client)]);
    expect(registry.requestsOf("token")).toHaveLength(1);
  });

  test("Bearer: a token that was revoked is replaced", async () => {
    const registry = await start({ auth: { kind: "bearer" } });
    const client = clientOf(registry);
    await download(client);
    registry.gatekeeper?.revokeAll();
    expect((await download(client)).equals(bytes)).toBe(true);
    expect(registry.requestsOf("token")).toHaveLength(2);
  });

  test("a refresh token goes to the token server in a body, never in a URL", async () => {
    const registry = await start({ auth: { kind: "bearer" } });
    const client = clientOf(registry, {
      credentials: { findCredentials: () => ({ kind: "identity-token", token: secret }) },
    });
    let form = "";
    registry.gatekeeper?.issued.set("access", ["repository:demo/app:pull"]);
    registry.fault({
      on: "token",
      method: "POST",
      action: {
        kind: "respond",
        respond: (request, response) => {
          request.setEncoding("utf8");
          request.on("data", (text: string) => {
            form += text;
          });
          request.on("end", () => response.end('{"access_token":"access"}'));
        },
      },
    });
    expect((await download(client)).equals(bytes)).toBe(true);
    expect(Object.fromEntries(new URLSearchParams(form))).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: secret,
      scope: "repository:demo/app:pull",
    });
    for (const { url } of registry.requests) expect(url).not.toContain(secret);
  });
});

describe("a token stays where it belongs (S54)", () => {
  test("it is asked for one repository, whatever the challenge says", async () => {
    const registry = await start();
    const realm = `${registry.origin}/token`;
    const header = `Bearer realm="${realm}",service="s",scope="repository:victim/app:pull,push"`;
    registry.fault({
      on: "blob",
      times: 1,
      action: { kind: "status", status: 401, headers: { "www-authenticate": header } },
    });
    registry.fault({ on: "token", action: { kind: "replace", body: '{"token":"t"}' } });
    await failure(download(clientOf(registry)));
    const { searchParams } = new URL(registry.requestsOf("token")[0]?.url ?? "", realm);
    expect(searchParams.getAll("scope")).toEqual(["repository:demo/app:pull"]);
  });

  test("a client for another repository starts without it", async () => {
    const registry = await start({ auth: { kind: "bearer" } });
    await download(clientOf(registry));
    await download(clientOf(registry, { repository: "other/app" }));
    const blobs = registry.requestsOf("blob");
    expect(blobs.map(({ name }) => name)).toEqual([
      "demo/app",
      "demo/app",
      "other/app",
      "other/app",
    ]);
    expect(blobs[2]?.headers.authorization).toBeUndefined();
    expect(blobs[3]?.headers.authorization).not.toBe(blobs[1]?.headers.authorization);
  });

  test.each([
    ["line breaks", '{"token":"a\\r\\nX-Evil: 1"}'],
    ["nothing", '{"expires_in":60}'],
    ["a number", '{"token":5}'],
    ["no JSON", "token"],
    ["too much", `{"token":"${"x".repeat(2_000_000)}"}`],
  ])("a token server that answers with %s is refused", async (_, body) => {
    const registry = await start({ auth: { kind: "bearer", realm: "http://127.0.0.1:1/token" } });
    const issuer = await start();
    const realm = `${issuer.origin}/token`;
    issuer.fault({
      on: "token",
      action: {
        kind: "respond",
        respond: (_request, response) => {
          response.end(body);
        },
      },
    });
    registry.fault({
      on: "blob",
      action: {
        kind: "status",
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${realm}"` },
      },
    });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(registry.requests).toHaveLength(1);
  });
});

describe("a realm that is not the registry's (S51)", () => {
  test("on another host gets no credentials, and the error says so", async () => {
    const issuer = await start({ auth: { kind: "loop", challenge: "Basic" } });
    // Two names of this machine stand for two hosts.
    const realm = `${issuer.origin.replace("127.0.0.1", "localhost")}/token`;
    const registry = await start({ auth: { kind: "bearer", realm } });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(error.message).toContain("credentials were not sent to localhost");
    expect(issuer.requests).toHaveLength(1);
    expect(authorizations(issuer)).toEqual([undefined]);
  });

  test("on another host may still give an anonymous token", async () => {
    const issuer = await start({ auth: { kind: "bearer" } });
    const realm = `${issuer.origin.replace("127.0.0.1", "localhost")}/token`;
    const auth = { kind: "bearer", realm } as const;
    const registry = await start({ auth, share: issuer });
    expect((await download(clientOf(registry))).equals(bytes)).toBe(true);
    expect(authorizations(issuer)).toEqual([undefined]);
  });

  test("in plain http, while the registry is https, is not asked at all", async () => {
    const issuer = await start({ auth: { kind: "bearer" } });
    const realm = `${issuer.origin}/token`;
    const registry = await start({ tls, auth: { kind: "bearer", realm } });
    const error = await failure(download(clientOf(registry, { tlsVerify: false })));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(error.message).toContain("plain http while the registry is https");
    expect(issuer.requests).toEqual([]);
  });

  test.each(["http://169.254.169.254/latest/", "https://10.0.0.1/token", "file:///etc/passwd", ""])(
    "%j is not asked at all",
    async (realm) => {
      const registry = await start({ auth: { kind: "bearer", realm } });
      const error = await failure(download(clientOf(registry)));
      expect(error.code).toBe("REGISTRY_AUTH");
      expect(error.message).toContain("names the token server");
    },
  );
});

describe("redirects (S52)", () => {
  test("to another origin go without Authorization, even back again", async () => {
    const auth = { kind: "basic", username: "me", password: secret } as const;
    const registry = await start({ auth });
    const elsewhere = await start();
    registry.fault({
      on: "blob",
      when: ({ headers }) => headers.authorization !== undefined,
      action: { kind: "redirect", location: `${elsewhere.origin}{path}` },
    });
    expect((await download(clientOf(registry))).equals(bytes)).toBe(true);
    expect(authorizations(elsewhere)).toEqual([undefined]);

    elsewhere.fault({ action: { kind: "redirect", location: `${registry.origin}{path}` } });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(authorizations(registry).at(-1)).toBeUndefined();
  });

  test("within the registry keep it", async () => {
    const auth = { kind: "basic", username: "me", password: secret } as const;
    const registry = await start({ auth });
    registry.fault({
      on: "blob",
      times: 1,
      when: ({ headers }) => headers.authorization !== undefined,
      action: { kind: "redirect", location: `/v2/other/blobs/${descriptor.digest}` },
    });
    await download(clientOf(registry));
    expect(registry.requests.at(-1)?.name).toBe("other");
    expect(authorizations(registry).at(-1)).toBe(basicOf("me", secret));
  });

  test("a challenge of another origin is not answered", async () => {
    const registry = await start();
    const elsewhere = await start({ auth: { kind: "loop" } });
    registry.fault({
      on: "blob",
      action: { kind: "redirect", location: `${elsewhere.origin}{path}` },
    });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_AUTH");
    expect(authorizations(elsewhere)).toEqual([undefined]);
  });

  test("from https to http are refused", async () => {
    const plain = await start();
    const registry = await start({ tls });
    registry.fault({ on: "blob", action: { kind: "redirect", location: `${plain.origin}{path}` } });
    const error = await failure(download(clientOf(registry, { tlsVerify: false })));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(error.message).toContain("from https to plain http");
    expect(plain.requests).toEqual([]);
  });

  test("in a ring end after ten", async () => {
    const registry = await start();
    registry.fault({ on: "blob", action: { kind: "redirect", location: "{path}" } });
    const error = await failure(download(clientOf(registry)));
    expect(error.message).toContain("more than 10 redirects");
    expect(registry.requests).toHaveLength(11);
  });

  test.each([
    ["ftp://127.0.0.1/x", "ftp:"],
    ["http://user:pw@127.0.0.1/x", "a user name"],
    ["http://10.255.255.1/x", "plain http on another host"],
    ["https://169.254.169.254/x", "address of this host or its cloud"],
    ["http://[", "no URL"],
  ])("to %s are refused", async (location, why) => {
    const registry = await start();
    registry.fault({ on: "blob", action: { kind: "redirect", location } });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_RESPONSE");
    expect(error.message).toContain(why);
    expect(registry.requests).toHaveLength(1);
  });
});

test("urls in a descriptor are never followed (S50)", async () => {
  const registry = await start({ auth: { kind: "basic", username: "me", password: secret } });
  const elsewhere = await start();
  const foreign = Buffer.from("a layer that only lives elsewhere");
  const digest = elsewhere.addBlob(foreign);
  const layer: Descriptor = {
    mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar",
    digest: sha256Digest(foreign),
    size: foreign.length,
    urls: [`${elsewhere.origin}/v2/demo/app/blobs/${digest}`],
  };
  const error = await failure(download(clientOf(registry), layer));
  expect(error.code).toBe("REGISTRY_NOT_FOUND");
  expect(elsewhere.requests).toEqual([]);
});

describe("certificates (S56, S57)", () => {
  test("one that nobody has signed is refused, with the two ways out", async () => {
    const registry = await start({ tls });
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_TLS");
    expect(error.hint).toContain(`/tsman/certs.d/${registry.host}/ca.crt`);
    expect(error.hint).toContain("--tls-verify=false");
    expect(registry.requests).toEqual([]);
  });

  test("one that the administrator has given is good for its registry", async () => {
    const registry = await start({ tls });
    mkdirSync(join(authorities, registry.host));
    writeFileSync(join(authorities, registry.host, "ca.crt"), tls.cert);
    expect((await download(clientOf(registry))).equals(bytes)).toBe(true);
  });

  test("one for another name is refused even then", async () => {
    const other = selfSigned({ hosts: ["other.example"] });
    const registry = await start({ tls: other });
    mkdirSync(join(authorities, registry.host));
    writeFileSync(join(authorities, registry.host, "ca.crt"), other.cert);
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_TLS");
    expect(error.message).toContain("is not good for it");
  });

  test("one that has expired is refused, and that is said", async () => {
    const old = selfSigned({
      hosts: ["127.0.0.1"],
      notBefore: new Date(Date.now() - 172_800_000),
      notAfter: new Date(Date.now() - 86_400_000),
    });
    const registry = await start({ tls: old });
    mkdirSync(join(authorities, registry.host));
    writeFileSync(join(authorities, registry.host, "ca.crt"), old.cert);
    const error = await failure(download(clientOf(registry)));
    expect(error.code).toBe("REGISTRY_TLS");
    expect(error.message).toContain("expired");
  });

  test("--tls-verify=false takes the registry's, but not that of a host it redirects to", async () => {
    const registry = await start({ tls });
    const elsewhere = await start({ tls: selfSigned({ hosts: ["127.0.0.1"] }) });
    const client = clientOf(registry, { tlsVerify: false });
    expect((await download(client)).equals(bytes)).toBe(true);
    registry.fault({
      on: "blob",
      action: { kind: "redirect", location: `${elsewhere.origin}{path}` },
    });
    const error = await failure(download(client));
    expect(error.code).toBe("REGISTRY_TLS");
    expect(elsewhere.requests).toEqual([]);
  });

  test("--tls-verify=false does not take that of a token server elsewhere", async () => {
    const issuer = await start({ tls: selfSigned({ hosts: ["127.0.0.1"] }) });
    const realm = `${issuer.origin}/token`;
    const registry = await start({ tls, auth: { kind: "bearer", realm } });
    const error = await failure(download(clientOf(registry, { tlsVerify: false })));
    expect(error.code).toBe("REGISTRY_TLS");
    expect(issuer.requests).toEqual([]);
  });
});

test("an index entry's own digest cannot lead a request astray (S55)", async () => {
  const registry = await start();
  const evil = { mediaType: mediaTypes.ociManifest, digest: "sha256:../../../x", size: 2 };
  registry.addManifest(
    "demo/app",
    "latest",
    mediaTypes.ociIndex,
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [evil] }),
  );
  const client = clientOf(registry);
  const error = await failure(
    client.resolveImage("latest", { os: "linux", architecture: "amd64" }),
  );
  expect(error.code).toBe("MANIFEST_INVALID");
  const bad = await failure(download(client, evil as unknown as Descriptor));
  expect(bad.code).toBe("MANIFEST_INVALID");
  const worse = await failure(client.fetchManifest("../../../../token?x="));
  expect(worse.code).toBe("REFERENCE_INVALID");
  expect(registry.requests).toHaveLength(1);
});
