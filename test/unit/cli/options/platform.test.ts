import { expect, it } from "vitest";
import { platformOf } from "../../../../src/cli/options/platform.ts";
import { hostPlatform } from "../../../../src/oci/platform.ts";

const nothing = { arch: undefined, os: undefined, platform: undefined, variant: undefined };

it.each([
  [{}, undefined],
  [{ arch: "aarch64" }, { os: "linux", architecture: "arm64" }],
  [
    { arch: "arm", variant: "v6" },
    { os: "linux", architecture: "arm", variant: "v6" },
  ],
  [{ os: "windows" }, { os: "windows", architecture: hostPlatform().architecture }],
  [{ platform: hostPlatform() }, hostPlatform()],
])("%j chooses %j", (values, expected) => {
  expect(platformOf({ ...nothing, ...values })).toEqual(expected);
});

it("a platform is not said twice, and is made of plain words", () => {
  const twice = { ...nothing, platform: hostPlatform(), arch: "arm" };
  expect(() => platformOf(twice)).toThrow(/exclude each other/);
  expect(() => platformOf({ ...nothing, arch: "a b" })).toThrow(/no plain word/);
  expect(() => platformOf({ ...nothing, arch: "arm/v7", variant: "v6" })).toThrow(/three parts/);
});
