import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { selfSigned } from "../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage, addIndex, hostArchitecture } from "../support/image-fixture.ts";
import { requires } from "../support/must-work.ts";
import { layerOf, TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { addRandomImage } from "./served-images.ts";
import { layerDirectories } from "./stored-layer.ts";
import { type TestStore, useStore } from "./support.ts";

const store = useStore();
const mebibyte = 1024 * 1024;

/** Names of everything that the store holds of layers and blobs. */
function contents(of: TestStore): string[] {
  const blobs = join(of.root, "blobs");
  const names = existsSync(blobs) ? (readdirSync(blobs, { recursive: true }) as string[]) : [];
  return [...layerDirectories(of), ...names].sort();
}

/** Bytes that are there of a blob whose download goes on or was interrupted. */
function partialBytes(of: TestStore, digest: string): number {
  const path = join(of.root, "blobs/partial", digest.replace("sha256:", ""));
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** How a message may name a layer: by the digest of its blob or of its content. */
function naming(layer: { readonly digest: string; readonly diffId: string }): RegExp {
  return new RegExp(`${layer.digest.slice(7, 19)}|${layer.diffId.slice(7, 19)}`);
}

/** Answers to GET of one blob, in order. */
function blobGets(registry: FaultyRegistry, digest: string | undefined) {
  return registry.requestsOf("blob", digest).filter((request) => request.method === "GET");
}

describe("a connection that breaks", () => {
  it("is made again, and only the rest is asked for", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [4]);
    registry.fault({
      on: "blob",
      reference: image.blobs[0] ?? "",
      times: 1,
      action: { kind: "reset-after", bytes: 3 * mebibyte },
    });
    await store().succeed(["pull", "-q", image.reference]);
    const [first, second, ...more] = blobGets(registry, image.blobs[0]);
    expect(more).toEqual([]);
    expect(first?.range).toBeUndefined();
    const start = Number(/^bytes=(\d+)-/.exec(second?.range ?? "")?.[1]);
    expect(start).toBeGreaterThan(0);
    expect(second?.status).toBe(206);
  });

  it("is made again from the start with a registry that has no ranges", async () => {
    await using registry = await startFaultyRegistry({ ranges: false });
    const image = addRandomImage(registry, [2]);
    registry.fault({
      on: "blob",
      reference: image.blobs[0] ?? "",
      times: 1,
      action: { kind: "short-body", bytes: mebibyte },
    });
    await store().succeed(["pull", "-q", image.reference]);
    expect(blobGets(registry, image.blobs[0]).at(-1)?.status).toBe(200);
  });

  it("ends in an error that names the layer when it breaks every time", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1]);
    registry.fault({ on: "blob", reference: image.blobs[0] ?? "", action: { kind: "reset" } });
    const result = await store().run(["pull", image.reference]);
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
    expect(result.stderr).toContain(image.blobs[0]?.slice(7, 19) ?? "");
  });
});

describe("a registry that is busy", () => {
  it("is asked again after 503", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry);
    registry.fault({
      on: "blob",
      reference: image.blobs[0] ?? "",
      times: 2,
      action: { kind: "status", status: 503 },
    });
    await store().succeed(["pull", "-q", image.reference]);
    expect(blobGets(registry, image.blobs[0]).map(({ status }) => status)).toEqual([503, 503, 200]);
  });

  it("is asked as often as --retry says", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry);
    const busy = { status: 503, kind: "status" } as const;
    registry.fault({ on: "blob", reference: image.blobs[0] ?? "", times: 1, action: busy });
    const { status, stderr } = await store().run(["pull", "-q", "--retry", "0", image.reference]);
    expect([status, stderr]).toEqual([125, expect.stringContaining("503")]);
    registry.fault({ on: "manifest", method: "PUT", times: 1, action: busy });
    await store().succeed(["pull", "-q", "--retry", "1", image.reference]);
    const push = ["push", "-q", image.reference, `${registry.host}/elsewhere:1`];
    const refused = await store().run([...push, "--retry", "0"]);
    expect([refused.status, refused.stderr]).toEqual([125, expect.stringContaining("503")]);
    await store().succeed([...push, "--retry", "1"]);
    const delayed = await store().run([...push, "--retry-delay", "1s"]);
    expect(delayed.stderr).toContain("--retry-delay is not supported: the wait doubles");
  });

  it("is left alone for as long as Retry-After says", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry);
    registry.fault({
      on: "manifest",
      times: 1,
      action: { kind: "status", status: 429, headers: { "retry-after": "1" } },
    });
    const before = performance.now();
    await store().succeed(["pull", "-q", image.reference]);
    expect(performance.now() - before).toBeGreaterThanOrEqual(1000);
  });
});

describe("bytes that are not what was promised", () => {
  /** Pulls, expects failure and that the store is as before, then that a healthy pull succeeds. */
  async function refused(registry: FaultyRegistry, reference: string): Promise<string> {
    const images = (await store().succeed(["images"])).stdout;
    const before = contents(store());
    const result = await store().run(["pull", reference]);
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
    expect(contents(store())).toEqual(before);
    expect((await store().succeed(["images"])).stdout).toBe(images);
    registry.clearFaults();
    return result.stderr;
  }

  it("are refused when a byte of a layer is wrong, and poison no later pull", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1]);
    const [digest = ""] = image.blobs;
    registry.fault({ on: "blob", reference: digest, action: { kind: "corrupt", offset: 700_000 } });
    expect(await refused(registry, image.reference)).toContain(digest.slice(7, 19));
    await store().succeed(["pull", "-q", image.reference]);
  });

  it("are refused when a layer is shorter than its descriptor says", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1]);
    const [digest = ""] = image.blobs;
    registry.fault({ on: "blob", reference: digest, action: { kind: "truncate", bytes: 500_000 } });
    expect(await refused(registry, image.reference)).toContain(digest.slice(7, 19));
    await store().succeed(["pull", "-q", image.reference]);
  });

  it("are refused when a layer is longer than its descriptor says", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1]);
    const [digest = ""] = image.blobs;
    registry.fault({ on: "blob", reference: digest, action: { kind: "extend", bytes: 10 } });
    expect(await refused(registry, image.reference)).toContain(digest.slice(7, 19));
    await store().succeed(["pull", "-q", image.reference]);
  });

  it("are refused when the uncompressed layer is not the one that the config names", async () => {
    await using registry = await startFaultyRegistry();
    const layer = layerOf(new TarBuilder().file("file", randomBytes(1000)).build());
    const diffId = `sha256:${"d".repeat(64)}`;
    addImage(registry, { name: "lying", layers: [layer], diffIds: [diffId] });
    const stderr = await refused(registry, `${registry.host}/lying`);
    expect(stderr).toContain(diffId.slice(0, 19));
  });

  it("are refused when the archive ends in the middle of an entry", async () => {
    await using registry = await startFaultyRegistry();
    const whole = new TarBuilder().file("etc/cut", randomBytes(100_000)).build();
    addImage(registry, { name: "cut", layers: [layerOf(whole.subarray(0, 50_000))] });
    const stderr = await refused(registry, `${registry.host}/cut`);
    expect(stderr).toContain("etc/cut");
  });

  it("are refused when a hard link leads to nothing that the layer has", async () => {
    await using registry = await startFaultyRegistry();
    const layer = layerOf(new TarBuilder().hardlink("etc/link", "etc/nowhere").build());
    addImage(registry, { name: "dangling", layers: [layer] });
    const stderr = await refused(registry, `${registry.host}/dangling`);
    expect(stderr).toContain("etc/link");
    expect(stderr).toContain("etc/nowhere");
    expect(stderr).toMatch(naming(layer));
  });

  it("are refused in the middle of a large layer for the entry, not for the broken-off download", async () => {
    await using registry = await startFaultyRegistry();
    const layer = layerOf(
      new TarBuilder()
        .file("before", randomBytes(mebibyte))
        .hardlink("etc/link", "etc/nowhere")
        .file("after", randomBytes(16 * mebibyte))
        .build(),
    );
    addImage(registry, { name: "large", layers: [layer] });
    const stderr = await refused(registry, `${registry.host}/large`);
    expect(stderr).toContain("etc/link");
    expect(stderr).toMatch(naming(layer));
  });

  it("are refused when the compressed stream is garbage", async () => {
    await using registry = await startFaultyRegistry();
    const layer = layerOf(new TarBuilder().file("file", "x").build());
    const garbage = layerOf(randomBytes(5000), "none");
    const broken = { ...layer, blob: garbage.blob, digest: garbage.digest };
    addImage(registry, { name: "garbage", layers: [broken] });
    const stderr = await refused(registry, `${registry.host}/garbage`);
    expect(stderr).toMatch(naming(broken));
  });

  it("are refused when a manifest is not that of its digest", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry);
    registry.fault({ on: "manifest", action: { kind: "corrupt", offset: 20 } });
    const stderr = await refused(registry, `${image.reference}@${image.digest}`);
    expect(stderr).toContain(image.digest.slice(0, 19));
  });

  it("are refused when a header claims another digest for them", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry);
    const other = addRandomImage(registry);
    const body = registry.content.manifests.get(
      `${other.reference.slice(registry.host.length + 1)}@${other.digest}`,
    );
    registry.fault({
      on: "manifest",
      action: {
        kind: "respond",
        respond: (_, response) => {
          response.writeHead(200, {
            "content-type": body?.mediaType,
            "docker-content-digest": image.digest,
          });
          response.end(body?.body);
        },
      },
    });
    await refused(registry, `${image.reference}@${image.digest}`);
  });
});

describe("a pull that is interrupted", () => {
  it.each([
    ["SIGKILL", null],
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "by %s leaves a store in which the next one resumes, and ends with status %s",
    async (signal, status) => {
      await using registry = await startFaultyRegistry();
      const image = addRandomImage(registry, [4]);
      const [digest = ""] = image.blobs;
      registry.fault({
        on: "blob",
        reference: digest,
        times: 1,
        action: { kind: "hold", bytes: 3 * mebibyte, until: new Promise(() => undefined) },
      });
      const first = store().start(["pull", image.reference]);
      await until("2 MiB of the layer on disk", () =>
        partialBytes(store(), digest) >= 2 * mebibyte ? true : undefined,
      );
      first.child.kill(signal);
      const ended = await first.ended;
      expect(ended.stdout).toBe("");
      if (signal === "SIGKILL") expect(ended.signal).toBe("SIGKILL");
      else expect(ended.stderr).toContain("interrupted");
      expect(ended.status).toBe(status);
      // Not half there.
      expect((await store().succeed(["images"])).stdout).not.toContain(image.reference);

      const second = await store().succeed(["pull", "-q", image.reference]);
      expect(second.stdout).toBe(`${image.configDigest.slice(7)}\n`);
      const start = Number(
        /^bytes=(\d+)-/.exec(blobGets(registry, digest).at(-1)?.range ?? "")?.[1],
      );
      expect(start).toBeGreaterThanOrEqual(2 * mebibyte);
      expect(partialBytes(store(), digest)).toBe(0);
    },
  );
});

describe("what an interrupted download has left", () => {
  it("is downloaded anew, within the same pull, when it was damaged since", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [2]);
    const [digest = ""] = image.blobs;
    registry.fault({
      on: "blob",
      reference: digest,
      times: 1,
      action: { kind: "hold", bytes: mebibyte, until: new Promise(() => undefined) },
    });
    const first = store().start(["pull", image.reference]);
    await until("half a MiB of the layer on disk", () =>
      partialBytes(store(), digest) >= mebibyte / 2 ? true : undefined,
    );
    first.child.kill("SIGKILL");
    await first.ended;
    // As after a power failure: the length is on the disk, the content is not.
    const partial = join(store().root, "blobs/partial", digest.replace("sha256:", ""));
    await writeFile(partial, Buffer.alloc(partialBytes(store(), digest)));
    const { stdout } = await store().succeed(["pull", "-q", image.reference]);
    expect(stdout).toBe(`${image.configDigest.slice(7)}\n`);
  });
});

describe("two pulls of one image at the same time", () => {
  it("download it once: one waits for the other, and both succeed", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1, 1]);
    const gate = Promise.withResolvers<void>();
    registry.fault({
      on: "blob",
      reference: image.blobs[0] ?? "",
      action: { kind: "hold", bytes: 1000, until: gate.promise },
    });
    const first = store().start(["pull", image.reference]);
    await registry.waitForRequest(({ reference }) => reference === image.blobs[0]);
    const second = store().start(["pull", image.reference]);
    await second.stderr.until(/wait/i);
    gate.resolve();
    const results = await Promise.all([first.ended, second.ended]);
    for (const { status, stdout, stderr } of results) {
      expect(stderr).not.toMatch(/error/i);
      expect(status).toBe(0);
      expect(stdout).toBe(`${image.configDigest.slice(7)}\n`);
    }
    for (const digest of image.blobs) expect(blobGets(registry, digest)).toHaveLength(1);
  });

  it("do not both fail when the one that downloads is killed", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1]);
    registry.fault({
      on: "blob",
      reference: image.blobs[0] ?? "",
      times: 1,
      action: { kind: "hold", bytes: 1000, until: new Promise(() => undefined) },
    });
    const first = store().start(["pull", image.reference]);
    await registry.waitForRequest(({ reference }) => reference === image.blobs[0]);
    const second = store().start(["pull", image.reference]);
    await second.stderr.until(/wait/i);
    first.child.kill("SIGKILL");
    const { status, stdout } = await second.ended;
    expect(status).toBe(0);
    expect(stdout).toBe(`${image.configDigest.slice(7)}\n`);
  });

  it("of different images fetch the layer that they share once", async () => {
    await using registry = await startFaultyRegistry();
    const shared = layerOf(new TarBuilder().file("shared", randomBytes(mebibyte)).build());
    const own = (text: string) => layerOf(new TarBuilder().file("own", text).build());
    addImage(registry, { name: "one", layers: [shared, own("one")] });
    addImage(registry, { name: "two", layers: [shared, own("two")] });
    const gate = Promise.withResolvers<void>();
    registry.fault({
      on: "blob",
      reference: shared.digest,
      action: { kind: "hold", bytes: 1000, until: gate.promise },
    });
    const first = store().start(["pull", `${registry.host}/one`]);
    await registry.waitForRequest(({ reference }) => reference === shared.digest);
    const second = store().start(["pull", `${registry.host}/two`]);
    await second.stderr.until(/wait/i);
    gate.resolve();
    const results = await Promise.all([first.ended, second.ended]);
    expect(results.map(({ status }) => status)).toEqual([0, 0]);
    expect(blobGets(registry, shared.digest)).toHaveLength(1);
  });
});

describe("a second pull", () => {
  it("fetches no layer again", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [1, 1]);
    await store().succeed(["pull", "-q", image.reference]);
    await store().succeed(["pull", "-q", image.reference]);
    for (const digest of image.blobs) expect(blobGets(registry, digest)).toHaveLength(1);
    // Registries limit how often a manifest is fetched, not how often it is asked about.
    const methods = registry.requestsOf("manifest").map(({ method }) => method);
    expect(methods).toEqual(["GET", "HEAD"]);
  });

  it("fetches the manifest where HEAD is not let through", async () => {
    await using registry = await startFaultyRegistry();
    const { reference } = addRandomImage(registry);
    await store().succeed(["pull", "-q", reference]);
    registry.fault({ method: "HEAD", action: { kind: "status", status: 405 } });
    await store().succeed(["pull", "-q", reference]);
    const methods = registry.requestsOf("manifest").map(({ method }) => method);
    expect(methods).toEqual(["GET", "HEAD", "GET"]);
  });

  it("gets what the tag names by now", async () => {
    await using registry = await startFaultyRegistry();
    const layer = (text: string) => layerOf(new TarBuilder().file("version", text).build());
    const old = addImage(registry, { name: "moving", layers: [layer("1")] });
    const reference = `${registry.host}/moving`;
    expect((await store().succeed(["pull", "-q", reference])).stdout.trim()).toBe(
      old.configDigest.slice(7),
    );
    const next = addImage(registry, { name: "moving", layers: [layer("2")] });
    expect((await store().succeed(["pull", "-q", reference])).stdout.trim()).toBe(
      next.configDigest.slice(7),
    );
  });
});

describe("an index", () => {
  it("with build attestations, which are for no platform, gives the image beside them", async () => {
    await using registry = await startFaultyRegistry();
    const own = addImage(registry, {
      name: "attested",
      layers: [layerOf(new TarBuilder().file("image", "yes").build())],
    });
    const attestation = addImage(registry, {
      name: "attested",
      layers: [layerOf(new TarBuilder().file("attestation", "no").build())],
    });
    addIndex(registry, "attested", [
      { image: attestation, platform: { os: "unknown", architecture: "unknown" } },
      { image: own, platform: { os: "linux", architecture: hostArchitecture } },
    ]);
    const { stdout } = await store().succeed(["pull", "-q", `${registry.host}/attested`]);
    expect(stdout).toBe(`${own.configDigest.slice(7)}\n`);
  });

  it("with an artifact beside the image is fetched with all that it names", async () => {
    await using registry = await startFaultyRegistry();
    const own = addImage(registry, {
      name: "mixed",
      layers: [layerOf(new TarBuilder().file("image", "yes").build())],
    });
    const empty = { mediaType: "application/vnd.oci.empty.v1+json", size: 2 };
    const nothing = { ...empty, digest: registry.addBlob("{}") };
    const type = "application/vnd.oci.image.manifest.v1+json";
    const artifact = JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      artifactType: "application/vnd.example.notes",
      config: nothing,
      layers: [nothing],
    });
    const digest = registry.addManifest("mixed", undefined, type, artifact);
    const index = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [
        { mediaType: type, digest, size: Buffer.byteLength(artifact) },
        {
          mediaType: type,
          digest: own.digest,
          size: own.size,
          platform: { os: "linux", architecture: hostArchitecture },
        },
      ],
    };
    registry.addManifest("mixed", "latest", index.mediaType, JSON.stringify(index));
    const name = `${registry.host}/mixed`;
    await store().succeed(["pull", "-q", "--all-platforms", name]);
    await store().succeed(["push", "-q", name, `${registry.host}/copied:latest`]);
    expect((await store().succeed(["manifest", "inspect", name])).stdout).toContain(digest);
    const single = await store().run(["pull", "-q", `${registry.host}/mixed@${digest}`]);
    expect(single.stderr).toContain("it is not a container image");
  });

  it("that points to a manifest which the registry lacks is an error that names it", async () => {
    await using registry = await startFaultyRegistry();
    const own = addRandomImage(registry);
    const missing = { ...own, digest: `sha256:${"e".repeat(64)}` };
    addIndex(registry, "holes", [
      { image: missing, platform: { os: "linux", architecture: hostArchitecture } },
    ]);
    const result = await store().run(["pull", `${registry.host}/holes`]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain(missing.digest.slice(0, 19));
  });
});

describe("credentials", () => {
  const username = "someone";
  const password = "pass:word/ö";

  it("are asked for with the remedy, when a registry wants them and there are none", async () => {
    await using registry = await startFaultyRegistry({
      auth: { kind: "basic", username, password },
    });
    const image = addRandomImage(registry);
    const result = await store().run(["pull", image.reference]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain(registry.host);
    expect(result.stderr).toMatch(/--creds|--authfile|login/);
  });

  it("of --creds are used for Basic, and never printed", async () => {
    await using registry = await startFaultyRegistry({
      auth: { kind: "basic", username, password },
    });
    const image = addRandomImage(registry);
    const args = ["pull", "--creds", `${username}:${password}`, image.reference];
    const { stdout, stderr } = await store().succeed(args);
    expect(stdout).toBe(`${image.configDigest.slice(7)}\n`);
    expect(stderr).not.toContain(password);
    const wrong = await store().run([
      "pull",
      "--creds",
      `${username}:wrong-secret`,
      image.reference,
    ]);
    expect(wrong.status).toBe(125);
    expect(wrong.stderr).not.toContain("wrong-secret");
  });

  it("of --authfile are used to get a token", async () => {
    await using registry = await startFaultyRegistry({
      auth: { kind: "bearer", username, password },
    });
    const image = addRandomImage(registry);
    const authFile = join(store().scratch, "auth.json");
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    await writeFile(authFile, JSON.stringify({ auths: { [registry.host]: { auth } } }), {
      mode: 0o600,
    });
    await store().succeed(["pull", "-q", "--authfile", authFile, image.reference]);
    expect(registry.requestsOf("token").length).toBeGreaterThan(0);
    for (const request of registry.requestsOf("blob")) {
      expect(request.headers.authorization ?? "Bearer ").toMatch(/^Bearer /);
    }
  });

  it("are not needed where anonymous tokens are given", async () => {
    await using registry = await startFaultyRegistry({ auth: { kind: "bearer" } });
    const image = addRandomImage(registry, [1, 1]);
    await store().succeed(["pull", "-q", image.reference]);
  });

  it("end in an error, not in a loop, when they never satisfy", async () => {
    await using registry = await startFaultyRegistry({ auth: { kind: "loop" } });
    const image = addRandomImage(registry);
    const result = await store().run(["pull", "--creds", "a:b", image.reference]);
    expect(result.status).toBe(125);
    expect(registry.requests.length).toBeLessThan(10);
  });

  it("do not follow a redirect to another origin", async () => {
    await using registry = await startFaultyRegistry({
      auth: { kind: "basic", username, password },
    });
    await using other = await startFaultyRegistry({ share: registry });
    const image = addRandomImage(registry);
    registry.fault({
      on: "blob",
      reference: image.blobs[0] ?? "",
      action: { kind: "redirect", location: `${other.origin}{path}` },
    });
    await store().succeed(["pull", "-q", "--creds", `${username}:${password}`, image.reference]);
    expect(other.requests).not.toEqual([]);
    for (const { headers } of other.requests) {
      expect(headers.authorization).toBeUndefined();
      expect(headers.cookie).toBeUndefined();
    }
  });
});

describe("plain http", () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal)?.address;

  it("is spoken to a registry that is not on loopback only with --tls-verify=false", async (context) => {
    requires(context, address !== undefined, "this host has no address besides loopback");
    await using registry = await startFaultyRegistry({ address: address ?? "" });
    const image = addRandomImage(registry);
    const refused = await store().run(["pull", image.reference]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain("--tls-verify=false");
    expect(registry.requests).toEqual([]);
    await store().succeed(["pull", "-q", "--tls-verify=false", image.reference]);
  });
});

describe("a certificate that no authority has signed", () => {
  it("is refused, unless --tls-verify=false says that it does not matter", async () => {
    await using registry = await startFaultyRegistry({ tls: selfSigned({ hosts: ["127.0.0.1"] }) });
    const image = addRandomImage(registry);
    const refused = await store().run(["pull", image.reference]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toMatch(/certificate/i);
    expect(refused.stderr).toContain("--tls-verify=false");
    expect(registry.requests).toEqual([]);
    await store().succeed(["pull", "-q", "--tls-verify=false", image.reference]);
  });
});
