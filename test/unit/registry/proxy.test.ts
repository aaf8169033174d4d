import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRegistryClient } from "../../../src/registry/client.ts";
import { selfSigned } from "../../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../../support/faulty-registry.ts";

const certificate = selfSigned({ hosts: ["registry.example"] });
const bytes = Buffer.from("a layer behind a proxy");

let registry: FaultyRegistry;
let authorities: string;
/** What the proxy was asked to connect to. */
let tunnels: string[];
let proxy: ReturnType<typeof createServer>;
let proxyUrl: string;

beforeEach(async () => {
  registry = await startFaultyRegistry({ tls: certificate });
  authorities = mkdtempSync(join(tmpdir(), "tsman-authorities-"));
  mkdirSync(join(authorities, "registry.example"));
  writeFileSync(join(authorities, "registry.example/ca.crt"), certificate.cert);
  tunnels = [];
  proxy = createServer();
  proxy.on("connect", (request, client) => {
    tunnels.push(request.url ?? "");
    const [host = "", port] = registry.host.split(":");
    const server = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      server.pipe(client);
      client.pipe(server);
    });
    server.on("error", () => client.destroy());
    client.on("error", () => server.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await registry.close();
  proxy.close();
  rmSync(authorities, { recursive: true });
});

/** Fetches the blob of a registry through what is configured. */
async function fetchFrom(host: string, environment: { https?: string; noProxy?: string }) {
  await using client = createRegistryClient({
    registry: host,
    repository: "demo/app",
    certificateDirs: [authorities],
    proxy: environment,
    retry: { retries: 0 },
  });
  const digest = registry.addBlob(bytes);
  const type = "application/vnd.oci.image.layer.v1.tar";
  const descriptor = { mediaType: type, digest: digest as never, size: bytes.length };
  return await client.fetchBlob(descriptor, 1000);
}

test("a registry elsewhere is reached through the proxy, and its certificate is checked", async () => {
  expect(await fetchFrom("registry.example", { https: proxyUrl })).toEqual(bytes);
  expect(tunnels).toEqual(["registry.example:443"]);
  await expect(fetchFrom("other.example", { https: proxyUrl })).rejects.toMatchObject({
    code: "REGISTRY_TLS",
  });
});

test("a registry of this host is reached without it", async () => {
  const own = selfSigned({ hosts: ["127.0.0.1"] });
  await registry.close();
  registry = await startFaultyRegistry({ tls: own });
  mkdirSync(join(authorities, registry.host), { recursive: true });
  writeFileSync(join(authorities, registry.host, "ca.crt"), own.cert);
  expect(await fetchFrom(registry.host, { https: proxyUrl })).toEqual(bytes);
  expect(tunnels).toEqual([]);
});
