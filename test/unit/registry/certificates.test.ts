import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRegistryClient } from "../../../src/registry/client.ts";
import { requestError } from "../../../src/registry/failure.ts";
import type { RegistryClientOptions } from "../../../src/registry/settings.ts";
import { selfSigned } from "../../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../../support/faulty-registry.ts";

const server = selfSigned({ hosts: ["127.0.0.1"] });
const ours = selfSigned({ hosts: ["client"] });
const type = "application/vnd.oci.image.manifest.v1+json";

let registry: FaultyRegistry;
let base: string;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "tsman-certificates-"));
  registry = await startFaultyRegistry({ tls: { ...server, clientAuthority: ours.cert } });
  registry.addManifest("demo/app", "1", type, "{}");
});

afterEach(async () => {
  await registry.close();
  rmSync(base, { recursive: true });
});

/** Writes files into `DIR/HOST:PORT`. */
function put(dir: string, files: Readonly<Record<string, string>>): string {
  const own = join(base, dir, registry.host);
  mkdirSync(own, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text);
  return own;
}

async function fetchWith(options: Partial<RegistryClientOptions>): Promise<string> {
  await using client = createRegistryClient({
    registry: registry.host,
    repository: "demo/app",
    certificateDirs: [join(base, "user"), join(base, "system")],
    retry: { retries: 0 },
    ...options,
  });
  return (await client.fetchManifest("1")).bytes.toString();
}

describe("a registry that wants a certificate of its clients", () => {
  it("gets the one that lies beside its authority", async () => {
    put("system", { "ca.crt": server.cert, "client.cert": ours.cert, "client.key": ours.key });
    expect(await fetchWith({})).toBe("{}");
  });

  it("gets the user's before the system's, with the authorities of both", async () => {
    const other = selfSigned({ hosts: ["other"] });
    put("user", { "me.cert": ours.cert, "me.key": ours.key });
    put("system", { "ca.crt": server.cert, "a.cert": other.cert, "a.key": other.key });
    expect(await fetchWith({})).toBe("{}");
  });

  it("gets the one of --cert-dir, and no other directory counts", async () => {
    const certDir = put("given", {
      "ca.crt": server.cert,
      "client.cert": ours.cert,
      "client.key": ours.key,
    });
    put("user", { "broken.crt": "not PEM" });
    expect(await fetchWith({ certDir })).toBe("{}");
    await expect(fetchWith({ certDir: join(base, "none") })).rejects.toThrow(
      /there is no such directory/,
    );
  });

  it.each([
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
  ])("is told apart from one whose own certificate is bad by %s", (code) => {
    const failure = Object.assign(new Error("alert"), { code });
    expect(requestError(failure, "fetch", registry.host)).toMatchObject({
      code: "REGISTRY_TLS",
      message: expect.stringContaining("does not accept who we are"),
      hint: expect.stringContaining("client.key"),
    });
  });
});

describe("a certificate that is not usable", () => {
  it("is named when its key is missing", async () => {
    const own = put("user", { "ca.crt": server.cert, "client.cert": ours.cert });
    await expect(fetchWith({})).rejects.toThrow(
      `read client certificate in ${own}: client.cert is there without client.key`,
    );
  });

  it("is named when its key is another one's, or no key", async () => {
    const other = selfSigned({ hosts: ["other"] });
    for (const key of [other.key, "not PEM"]) {
      const own = put("user", { "ca.crt": server.cert, "me.cert": ours.cert, "me.key": key });
      const error = await fetchWith({}).catch((e: unknown) => e);
      expect(error).toMatchObject({
        code: "REGISTRY_TLS",
        message: expect.stringContaining(own),
      });
    }
  });
});
