import { describe, expect, test } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import {
  maxManifestBytes,
  parseManifestOrIndex,
  requireRunnableManifest,
} from "../../../src/oci/manifest.ts";
import { mediaTypes } from "../../../src/oci/media-types.ts";

const digest = sha256Digest("x");
const config = { mediaType: mediaTypes.ociConfig, digest, size: 10 };
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 20 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [layer] };

function parse(document: unknown, contentType?: string, promised?: string) {
  const bytes = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
  const descriptor = promised === undefined ? undefined : { mediaType: promised, digest };
  return parseManifestOrIndex(bytes, contentType, descriptor);
}

/** The message with which a document is refused. */
function refusal(document: unknown, contentType?: string, promised?: string): string {
  try {
    parse(document, contentType, promised);
  } catch (error) {
    if (isTsmanError(error, "MANIFEST_INVALID")) return error.message;
    throw error;
  }
  throw new Error("the document was taken");
}

test("an OCI manifest is read", () => {
  const parsed = parse({ ...manifest, annotations: { a: "b" } }, mediaTypes.ociManifest);
  expect(parsed).toMatchObject({ kind: "manifest", config, layers: [layer] });
  expect({ ...parsed.annotations }).toEqual({ a: "b" });
});

test("a Docker manifest and a manifest list are read", () => {
  const docker = { ...manifest, mediaType: mediaTypes.dockerManifest };
  expect(parse(docker, mediaTypes.dockerManifest).kind).toBe("manifest");
  const list = { ...index, mediaType: mediaTypes.dockerManifestList };
  expect(parse(list, mediaTypes.dockerManifestList).kind).toBe("index");
});

test("an index keeps the platforms of its entries", () => {
  const platform = { os: "linux", architecture: "arm", variant: "v7", "os.version": "1" };
  const parsed = parse({ ...index, manifests: [{ ...layer, platform }] });
  expect(parsed.kind === "index" && parsed.manifests[0]?.platform).toEqual({
    os: "linux",
    architecture: "arm",
    variant: "v7",
  });
});

test("a manifest that does not name its type is of the type that the header names", () => {
  const { mediaType: _, ...unnamed } = manifest;
  expect(parse(unnamed, `${mediaTypes.ociManifest}; charset=utf-8`).kind).toBe("manifest");
  expect(refusal(unnamed, "application/json")).toContain("nothing says what media type");
});

describe("a document that can be read in two ways is refused (S63)", () => {
  test("layers and manifests together", () => {
    const both = { ...manifest, manifests: [layer] };
    expect(refusal(both, mediaTypes.ociManifest)).toContain("both layers and manifests");
    expect(refusal({ ...both, mediaType: mediaTypes.ociIndex })).toContain("both layers and");
    expect(refusal({ ...index, config })).toContain("both layers and manifests");
  });

  test("another type in the document than in the header", () => {
    expect(refusal(manifest, mediaTypes.ociIndex)).toContain("Content-Type header says");
    expect(refusal(index, mediaTypes.ociManifest)).toContain("Content-Type header says");
  });

  test("another type than the descriptor promised", () => {
    expect(refusal(manifest, mediaTypes.ociManifest, mediaTypes.dockerManifest)).toContain(
      "descriptor that led to it says",
    );
  });

  test("an index where a manifest is named, without a word of it in the document", () => {
    const { mediaType: _, ...unnamed } = index;
    expect(refusal(unnamed, mediaTypes.ociManifest)).toContain("should be of type");
  });
});

describe("members that no image has (S59, S65)", () => {
  test.each([-1, 1.5, 2 ** 53, Number.MAX_VALUE, "20", null, [20]])("a size of %j", (size) => {
    expect(refusal({ ...manifest, layers: [{ ...layer, size }] })).toContain("layers.0.size");
  });

  test.each(["sha256:../../x", `${digest}0`, digest.toUpperCase(), "sha512:ab", 5, null])(
    "a digest of %j (S55)",
    (wrong) => {
      expect(refusal({ ...manifest, config: { ...config, digest: wrong } })).toContain(
        "config.digest",
      );
    },
  );

  test("more strings than a table of them should hold", () => {
    const text = JSON.stringify(manifest);
    const many = JSON.stringify(Array.from({ length: 50_000 }, (_, index) => `${index}`));
    expect(refusal(text.replace("{", `{"a":${many},`))).toContain("more than 50000 strings");
  });

  test("a member that stands twice, however it is written", () => {
    const text = JSON.stringify(manifest);
    expect(refusal(text.replace("{", '{"layers":[],'))).toContain('member "layers" stands twice');
    expect(refusal(text.replace("{", '{"\\u006cayers":[],'))).toContain("stands twice");
    expect(refusal(text.replace('"size":20', '"size":1,"size":20'))).toContain("stands twice");
  });

  test("__proto__ and constructor are data and change nothing", () => {
    const text = JSON.stringify(manifest).replace(
      "{",
      '{"__proto__":{"manifests":[]},"annotations":{"__proto__":"p","constructor":"c"},',
    );
    const parsed = parse(text);
    expect(parsed.kind).toBe("manifest");
    expect(Object.entries(parsed.annotations)).toEqual([
      ["__proto__", "p"],
      ["constructor", "c"],
    ]);
    expect(({} as { manifests?: unknown }).manifests).toBeUndefined();
  });

  test.each([
    ["nothing", "", "not JSON"],
    ["half a document", '{"schemaVersion":2', "not JSON"],
    ["a list", "[]", "should be of type object"],
    ["deep nesting", "[".repeat(5000) + "]".repeat(5000), "levels deep"],
    ["the old schema", '{"schemaVersion":1,"mediaType":"x"}', "not that of an image"],
  ])("%s", (_, text, why) => {
    expect(refusal(text)).toContain(why);
  });

  test("bytes that are not UTF-8", () => {
    const bytes = Buffer.from(JSON.stringify(manifest));
    bytes[5] = 0xff;
    expect(() => parseManifestOrIndex(bytes, undefined)).toThrow("not UTF-8");
  });

  test("more bytes than any manifest has", () => {
    const bytes = Buffer.alloc(maxManifestBytes + 1, 0x20);
    expect(() => parseManifestOrIndex(bytes, undefined)).toThrow("more than the");
  });
});

test("what is no manifest is refused by what it is, with the name of the image", () => {
  const bytes = Buffer.from("<html>log in</html>");
  const read = (type: string) => () =>
    parseManifestOrIndex(bytes, type, undefined, "docker.io/library/app");
  expect(read("text/html; charset=utf-8")).toThrow(
    "read manifest of docker.io/library/app: it is a web page",
  );
  expect(read(mediaTypes.ociManifest)).toThrow(
    "read manifest of docker.io/library/app: not JSON (at line 1, column 1)",
  );
  expect(refusal("[")).toContain("it ends too early");
});

test.each(["json", "prettyjws"])("Docker's schema 1 (+%s) is refused by its name", (suffix) => {
  const type = `application/vnd.docker.distribution.manifest.v1+${suffix}`;
  const old = { schemaVersion: 1, name: "app", tag: "1", fsLayers: [], history: [] };
  expect(refusal(old, type)).toContain("it is of Docker's schema 1");
});

test("an image of Docker's first years has a config of a type that says nothing", () => {
  const of = (mediaType: string, configType: string) => {
    const parsed = parse({ ...manifest, mediaType, config: { ...config, mediaType: configType } });
    if (parsed.kind !== "manifest") throw new Error("read as an index");
    return () => requireRunnableManifest({ ...parsed, layers: [] }, "image");
  };
  expect(of(mediaTypes.dockerManifest, "application/octet-stream")).not.toThrow();
  expect(of(mediaTypes.dockerManifest, "application/json")).not.toThrow();
  expect(of(mediaTypes.ociManifest, "application/octet-stream")).toThrow("not a container image");
});

test("an artifact that is no image is refused by what it is", () => {
  const chart = parse({
    ...manifest,
    config: { ...config, mediaType: "application/vnd.cncf.helm.config.v1+json" },
  });
  expect(() => chart.kind === "manifest" && requireRunnableManifest(chart, "x")).toThrow(
    "not a container image: its config is application/vnd.cncf.helm.config.v1+json",
  );
});

test("a layer that cannot be unpacked is named", () => {
  const encrypted = parse({
    ...manifest,
    layers: [{ ...layer, mediaType: `${layer.mediaType}+encrypted` }],
  });
  expect(() => encrypted.kind === "manifest" && requireRunnableManifest(encrypted, "x")).toThrow(
    `layer ${digest} is of media type`,
  );
});
