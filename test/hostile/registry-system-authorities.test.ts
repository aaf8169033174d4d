import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { sha256Digest } from "../../src/oci/digest.ts";
import { createRegistryClient } from "../../src/registry/client.ts";
import { selfSigned } from "../support/certificate.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";

// A file of its own, and a process of its own with it: OpenSSL looks at the variable only once.

test("an authority that the system trusts is trusted, and no other is (S56)", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tsman-system-"));
  const certificate = selfSigned({ hosts: ["127.0.0.1"] });
  const bundle = join(dir, "ca-certificates.crt");
  writeFileSync(bundle, certificate.cert);
  process.env.SSL_CERT_FILE = bundle;
  const bytes = Buffer.from("layer");
  const descriptor = {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest: sha256Digest(bytes),
    size: bytes.length,
  };
  const fetchFrom = async (host: string) => {
    await using client = createRegistryClient({
      registry: host,
      repository: "demo/app",
      certificateDirs: [],
    });
    return await client.fetchBlob(descriptor, 1000);
  };
  try {
    await using known = await startFaultyRegistry({ tls: certificate });
    await using unknown = await startFaultyRegistry({ tls: selfSigned({ hosts: ["127.0.0.1"] }) });
    known.addBlob(bytes);
    unknown.addBlob(bytes);
    expect(await fetchFrom(known.host)).toEqual(bytes);
    await expect(fetchFrom(unknown.host)).rejects.toMatchObject({ code: "REGISTRY_TLS" });
    expect(unknown.requests).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
