import { describe, expect, test } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import { formatPlatform, matchPlatform, parsePlatform } from "../../../src/oci/platform.ts";

/** An entry of an index for `os/arch[/variant]`. */
function entry(platform: string): Descriptor {
  const [os = "", architecture = "", variant] = platform.split("/");
  return {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: sha256Digest(platform),
    size: 1,
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
  };
}

function chosen(offers: readonly string[], wanted: string): string | undefined {
  const { platform } = matchPlatform(offers.map(entry), parsePlatform(wanted));
  return platform === undefined ? undefined : formatPlatform(platform);
}

describe("reading --platform", () => {
  test.each([
    ["linux/amd64", "linux/amd64"],
    ["linux/arm/v7", "linux/arm/v7"],
    ["Linux/ARM64", "linux/arm64"],
    ["arm64", "linux/arm64"],
    ["aarch64", "linux/arm64"],
    ["linux/x86_64", "linux/amd64"],
    ["armhf", "linux/arm/v7"],
  ])("%s is %s", (text, normal) => {
    expect(formatPlatform(parsePlatform(text))).toBe(normal);
  });

  test.each([
    "",
    "/",
    "linux/",
    "a/b/c/d",
    "linux/am d64",
    "linux/\r\n",
    "x".repeat(5000),
    "bogus",
  ])("%j is refused with an example of how to write it", (text) => {
    expect(() => parsePlatform(text)).toThrow(/^read platform/);
    try {
      parsePlatform(text);
    } catch (error) {
      expect(isTsmanError(error, "USAGE") && error.hint).toContain("linux/arm64");
    }
  });
});

describe("choosing from an index", () => {
  test.each([
    [["linux/arm64", "linux/amd64"], "linux/amd64", "linux/amd64"],
    [["linux/arm64/v8"], "linux/arm64", "linux/arm64/v8"],
    [["linux/arm64"], "linux/arm64/v8", "linux/arm64"],
    [["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm", "linux/arm/v7"],
    [["linux/arm/v5", "linux/arm/v6"], "linux/arm/v7", "linux/arm/v6"],
    [["linux/arm/v7", "linux/arm/v5"], "linux/arm/v6", "linux/arm/v5"],
    [["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v3", "linux/amd64/v2"],
    [["linux/amd64/v3", "linux/amd64"], "linux/amd64", "linux/amd64"],
    [["linux/x86_64"], "linux/amd64", "linux/x86_64"],
    [["windows/amd64", "linux/amd64"], "linux/amd64", "linux/amd64"],
  ])("of %j for %s it is %s", (offers, wanted, expected) => {
    expect(chosen(offers, wanted)).toBe(expected);
  });

  test.each([
    [["linux/arm/v7"], "linux/arm/v6"],
    [["linux/amd64/v3"], "linux/amd64"],
    [["linux/arm64", "linux/s390x"], "linux/amd64"],
    [["windows/amd64"], "linux/amd64"],
    [["linux/arm64"], "linux/arm/v7"],
  ])("of %j none serves %s, and the error lists what there is (S66)", (offers, wanted) => {
    try {
      chosen(offers, wanted);
    } catch (error) {
      expect(isTsmanError(error, "PLATFORM_NOT_FOUND")).toBe(true);
      for (const offer of offers) expect(String(error)).toContain(offer);
      return;
    }
    throw new Error("an image was chosen all the same");
  });

  test("attestations are not offered as images", () => {
    const error = () => chosen(["unknown/unknown", "linux/arm64"], "linux/amd64");
    expect(error).toThrow("only linux/arm64");
    expect(error).not.toThrow("unknown");
  });

  test("an empty index says that it is empty", () => {
    expect(() => chosen([], "linux/amd64")).toThrow("no image at all");
  });

  test("the only entry of an index that names no platforms is taken", () => {
    const { platform: _, ...only } = entry("linux/amd64");
    expect(matchPlatform([only], parsePlatform("linux/arm64"))).toBe(only);
  });
});
