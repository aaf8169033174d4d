import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../../src/oci/digest.ts";
import {
  formatLockFile,
  maxLockFileBytes,
  parseLockFile,
  pinnedManifest,
  platformsOfIndex,
} from "../../../src/oci/lock-file.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}` as Digest;
const parse = (text: string) => parseLockFile(Buffer.from(text), "tsman.lock");

describe("the lock file", () => {
  it("reads back as it was written, whatever the names", () => {
    const digests = fc.constantFrom(..."0123456789abcdef").map(digest);
    const entry = fc.array(fc.tuple(fc.string(), digests)).map((pairs) => new Map(pairs));
    const lock = fc.array(fc.tuple(fc.string(), entry)).map((pairs) => new Map(pairs));
    const plain = (value: unknown): unknown =>
      value instanceof Map ? Object.fromEntries([...value].map(([k, v]) => [k, plain(v)])) : value;
    fc.assert(
      fc.property(lock, (written) => {
        // JSON has no way to write a member of that name that every reader takes as data.
        const names = [...written].flatMap(([name, platforms]) => [name, ...platforms.keys()]);
        fc.pre(!names.includes("__proto__"));
        expect(plain(parse(formatLockFile(written)))).toEqual(plain(written));
      }),
    );
  });

  it("stays the same text in whatever order its images were added", () => {
    const a = ["docker.io/library/alpine:latest", new Map([["linux/amd64", digest("a")]])] as const;
    const b = ["docker.io/library/busybox:1", new Map([["linux/amd64", digest("b")]])] as const;
    expect(formatLockFile(new Map([b, a]))).toBe(formatLockFile(new Map([a, b])));
  });

  it.each([
    ["no JSON", "locked", /not JSON/],
    ["another version", '{"version": 2, "images": {}}', /version is not 1: a later tsman wrote it/],
    ["no images", '{"version": 1}', /images/],
    [
      "a digest that is none",
      `{"version": 1, "images": {"a": {"linux": "sha256:1"}}}`,
      /a\.linux is no digest/,
    ],
    ["an image named twice", `{"version": 1, "images": {"a": {}, "a": {}}}`, /"a" stands twice/],
    ["too many bytes", " ".repeat(maxLockFileBytes + 1), /more than the/],
  ])("is refused with %s", (_, text, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: "DOCUMENT_INVALID",
        message: expect.stringMatching(message),
      }),
    );
  });
});

describe("what a lock file names for a platform", () => {
  const platforms = new Map([
    ["linux/amd64", digest("a")],
    ["linux/arm/v6", digest("6")],
    ["linux/arm/v7", digest("7")],
  ]);
  const choose = (platform: string) =>
    pinnedManifest(platforms, parsePlatform(platform), "docker.io/library/app:1", "tsman.lock");

  it("is the manifest that an index would have given", () => {
    expect(choose("linux/amd64")).toBe(digest("a"));
    expect(choose("linux/arm/v7")).toBe(digest("7"));
    expect(choose("linux/arm/v8")).toBe(digest("7"));
  });

  it("is an error that lists what it names when the platform is another", () => {
    expect(() => choose("linux/riscv64")).toThrow(
      expect.objectContaining({
        code: "IMAGE_NOT_LOCKED",
        message:
          "use image docker.io/library/app:1 by tsman.lock: it names linux/amd64, linux/arm/v6, linux/arm/v7, and not linux/riscv64",
        hint: "if the image has that platform now: tsman pull --lock docker.io/library/app:1",
      }),
    );
  });

  it("leaves out the attestations of an index", () => {
    const entry = (os: string, architecture: string, letter: string) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: 1,
      digest: digest(letter),
      platform: { os, architecture },
    });
    const index = {
      kind: "index" as const,
      mediaType: "application/vnd.oci.image.index.v1+json",
      annotations: {},
      manifests: [
        entry("linux", "amd64", "a"),
        entry("unknown", "unknown", "b"),
        entry("linux", "amd64", "c"),
      ],
    };
    expect([...platformsOfIndex(index)]).toEqual([["linux/amd64", digest("a")]]);
  });
});
