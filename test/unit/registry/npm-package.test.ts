import { describe, expect, it } from "vitest";
import { parseNpmrc, settingsOf } from "../../../src/config/npmrc.ts";
import { parseNpmReference } from "../../../src/oci/npm-reference.ts";
import { type NpmOptions, openNpmRegistry } from "../../../src/registry/npm-package.ts";
import { type NpmRegistry, startNpmRegistry } from "../../support/npm-registry.ts";

const archive = Buffer.from("what npm would pack");

function settings(...lines: readonly string[]) {
  const values = new Map<string, string>();
  parseNpmrc(lines.join("\n"), values, () => undefined);
  return settingsOf(values);
}

/** Looks a package up and fetches it; the bytes that the sink has in the end. */
async function fetchPackage(
  registry: Pick<NpmRegistry, "url">,
  text: string,
  options: Partial<NpmOptions> = {},
): Promise<string> {
  await using client = openNpmRegistry(parseNpmReference(text), {
    settings: settings(`registry=${registry.url}`),
    retry: { baseDelayMs: 1, retries: 2 },
    ...options,
  });
  let chunks: Uint8Array[] = [];
  await client.download(await client.resolve(), {
    begin: () => {
      chunks = [];
    },
    write: (chunk) => {
      chunks.push(chunk);
    },
  });
  return Buffer.concat(chunks).toString();
}

describe("a package of npm", () => {
  it("is fetched by version and by tag", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("@scope/image", "1.0.0", archive);
    registry.publish("@scope/image", "2.0.0", Buffer.from("two"));
    expect(await fetchPackage(registry, "@scope/image@1.0.0")).toBe(archive.toString());
    expect(await fetchPackage(registry, "@scope/image")).toBe("two");
    registry.tag("@scope/image", "old", "1.0.0");
    expect(await fetchPackage(registry, "@scope/image@old")).toBe(archive.toString());
    expect(registry.requests[0]?.path).toBe("/@scope%2fimage");
  });

  it("starts anew when the connection breaks or the registry has a problem", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("image", "1.0.0", archive);
    registry.answerNext(/^\/image$/, (response) => response.writeHead(503).end());
    registry.answerNext(/tgz$/, (response) => {
      response.writeHead(200, { "content-length": archive.length });
      response.write(archive.subarray(0, 4), () => response.destroy());
    });
    expect(await fetchPackage(registry, "image")).toBe(archive.toString());
  });

  it("is refused when it is not what the registry's document promises", async () => {
    await using registry = await startNpmRegistry();
    const integrity = `sha512-${Buffer.alloc(64).toString("base64")}`;
    registry.publish("image", "1.0.0", { tarball: archive, integrity });
    await expect(fetchPackage(registry, "image")).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
  });

  it("is refused with a weaker digest than SHA-512", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("image", "1.0.0", { tarball: archive, integrity: "sha1-2jmj7l5rSw0yVb=" });
    await expect(fetchPackage(registry, "image")).rejects.toMatchObject({
      code: "DOCUMENT_INVALID",
      message: expect.stringContaining("gives no SHA-512"),
    });
  });

  it("is an error that names versions when there is no such one", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("image", "1.0.0", archive);
    await expect(fetchPackage(registry, "image@9.9.9")).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      hint: "it has, for example, 1.0.0",
    });
    await expect(fetchPackage(registry, "image@constructor")).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
    });
    await expect(fetchPackage(registry, "other")).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: expect.stringContaining("has no such package"),
    });
  });

  it("is fetched with the token of its registry, which another host does not get", async () => {
    await using registry = await startNpmRegistry();
    await using elsewhere = await startNpmRegistry();
    elsewhere.publish("image", "1.0.0", archive);
    registry.requireAuthorization("Bearer secret");
    const host = new URL(registry.url).host;
    const withToken = settings(`registry=${registry.url}`, `//${host}/:_authToken=secret`);
    registry.publish("image", "1.0.0", archive);
    expect(await fetchPackage(registry, "image", { settings: withToken })).toBe(archive.toString());
    // The archive is at the first registry, which sends us on to the other.
    registry.answerNext(/tgz$/, (response) =>
      response.writeHead(302, { location: `${elsewhere.url}tarballs/image/1.0.0.tgz` }).end(),
    );
    expect(await fetchPackage(registry, "image", { settings: withToken })).toBe(archive.toString());
    expect(elsewhere.requests).toEqual([
      { path: "/tarballs/image/1.0.0.tgz", authorization: undefined },
    ]);
  });

  it("is not asked for in plain http over a network", () => {
    const plain = settings("registry=http://npm.example/");
    expect(() => openNpmRegistry(parseNpmReference("image"), { settings: plain })).toThrow(
      expect.objectContaining({ code: "REGISTRY_TLS" }),
    );
  });

  it("is not taken from another host in plain http", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("image", "1.0.0", { tarball: archive, url: "http://other.example/x.tgz" });
    await expect(fetchPackage(registry, "image")).rejects.toMatchObject({
      code: "DOCUMENT_INVALID",
      message: expect.stringContaining("elsewhere, in plain http:"),
    });
  });

  it("says how to log in where the registry wants that, and shows no token", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("image", "1.0.0", archive);
    registry.requireAuthorization("Bearer right");
    const host = new URL(registry.url).host;
    const wrong = settings(`registry=${registry.url}`, `//${host}/:_authToken=wrong-secret`);
    await expect(fetchPackage(registry, "image")).rejects.toMatchObject({
      code: "REGISTRY_AUTH",
      hint: expect.stringContaining("npm login --registry"),
    });
    const error = await fetchPackage(registry, "image", { settings: wrong }).catch((e) => e);
    expect(error.message).toContain("does not accept the credentials");
    expect(JSON.stringify([error, error.message, error.hint])).not.toContain("wrong-secret");
  });

  it("ends with INTERRUPTED, and with what the sink says", async () => {
    await using registry = await startNpmRegistry();
    registry.publish("image", "1.0.0", archive);
    const abort = new AbortController();
    registry.answerNext(/tgz$/, (response) => {
      response.writeHead(200, { "content-length": archive.length });
      response.write(archive.subarray(0, 4), () => abort.abort());
    });
    await expect(fetchPackage(registry, "image", { signal: abort.signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    await using client = openNpmRegistry(parseNpmReference("image"), {
      settings: settings(`registry=${registry.url}`),
    });
    const full = new Error("the disk is full");
    const sink = {
      begin: () => {
        throw full;
      },
      write: () => undefined,
    };
    await expect(client.download(await client.resolve(), sink)).rejects.toBe(full);
  });
});
