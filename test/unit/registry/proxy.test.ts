import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRegistryClient } from "../../../src/registry/client.ts";
import { findProxy } from "../../../src/registry/proxy.ts";
import { selfSigned } from "../../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../../support/faulty-registry.ts";

const certificate = selfSigned({ hosts: ["registry.example"] });
const bytes = Buffer.from("a layer behind a proxy");

let registry: FaultyRegistry;
let authorities: string;
/** What the proxy was asked to connect to. */
let tunnels: string[];
/** Of each tunnel, in the same order. */
let authorizations: (string | undefined)[];
/** The status that every tunnel is refused with; undefined: none is. */
let refusal: number | undefined;
let proxy: ReturnType<typeof createServer>;
let proxyUrl: string;

beforeEach(async () => {
  registry = await startFaultyRegistry({ tls: certificate });
  authorities = mkdtempSync(join(tmpdir(), "tsman-authorities-"));
  mkdirSync(join(authorities, "registry.example"));
  writeFileSync(join(authorities, "registry.example/ca.crt"), certificate.cert);
  tunnels = [];
  authorizations = [];
  refusal = undefined;
  proxy = createServer();
  proxy.on("connect", (request, client) => {
    tunnels.push(request.url ?? "");
    authorizations.push(request.headers["proxy-authorization"]);
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
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

test("a proxy's user name and password go to it alone, and into no message", async () => {
  const url = proxyUrl.replace("http://", "http://user:geheim@");
  expect(await fetchFrom("registry.example", { https: url })).toEqual(bytes);
  expect(authorizations).toEqual([`Basic ${Buffer.from("user:geheim").toString("base64")}`]);
  expect(registry.requests.every(({ headers }) => !("proxy-authorization" in headers))).toBe(true);
  refusal = 407;
  const error = await fetchFrom("registry.example", { https: url }).catch((e: unknown) => e);
  expect(error).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("it wants a user name and a password"),
  });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("geheim");
});

test("a proxy that refuses is named, and is no interruption", async () => {
  refusal = 403;
  await expect(fetchFrom("registry.example", { https: proxyUrl })).rejects.toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining(`through the proxy ${new URL(proxyUrl).host}: it answers 403`),
  });
});

test.each([
  ["what is no URL", "http://user:geheim@:::"],
  ["a scheme that is not spoken", "socks5://user:geheim@proxy.example"],
])("a proxy with %s is refused without being quoted", async (_, text) => {
  const error = await fetchFrom("registry.example", { https: text }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "CONFIG_INVALID" });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("geheim");
});

test("a proxy may be written without its scheme", async () => {
  expect(await fetchFrom("registry.example", { https: new URL(proxyUrl).host })).toEqual(bytes);
});

const proxied = { http: "http://plain:1", https: "http://secure:2" };

test.each([
  ["https://registry.example/", "", "secure"],
  ["http://registry.example/", "", "plain"],
  ["https://localhost:5000/", "", undefined],
  ["https://127.0.0.2/", "", undefined],
  ["https://[::1]:5000/", "", undefined],
  ["https://registry.example/", "*", undefined],
  ["https://registry.example/", "other, registry.example", undefined],
  ["https://registry.example/", "EXAMPLE", undefined],
  ["https://registry.example/", ".example", undefined],
  ["https://example/", ".example", "secure"],
  ["https://registry.example/", "*.example", undefined],
  ["https://xregistry.example/", "registry.example", "secure"],
  ["https://registry.example/", "registry.example:443", undefined],
  ["https://registry.example:5000/", "registry.example:443", "secure"],
  ["https://registry.example:5000/", "registry.example:5000", undefined],
  ["https://10.1.2.3/", "10.0.0.0/8", undefined],
  ["https://11.1.2.3/", "10.0.0.0/8", "secure"],
  ["https://10.1.2.3:8443/", "10.1.2.3", undefined],
  ["https://10.1.2.3/", "10.1.2.3:80", "secure"],
  ["https://10.1.2.3/", "2.3", "secure"],
  ["https://[2001:db8::1]/", "2001:db8::/32", undefined],
  ["https://[2001:db8::1]:5000/", "[2001:db8::1]:5000", undefined],
  ["https://[2001:db8::1]/", "2001:db8::1", undefined],
  ["https://registry.example/", "10.0.0.0/99, /, :, ::/x", "secure"],
])("%s with no_proxy=%j goes through %s", (url, noProxy, through) => {
  expect(findProxy(new URL(url), { ...proxied, noProxy })?.hostname).toBe(through);
});
