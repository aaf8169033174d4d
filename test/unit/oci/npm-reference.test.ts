import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatNpmReference,
  imageNameOfNpm,
  parseNpmReference,
} from "../../../src/oci/npm-reference.ts";
import { formatReference, parseReference } from "../../../src/oci/reference.ts";

describe("the name of an npm package", () => {
  it.each([
    ["image", { name: "image", version: "latest" }],
    ["image@1.2.3", { name: "image", version: "1.2.3" }],
    ["@scope/image", { name: "@scope/image", version: "latest" }],
    ["@scope/image@next", { name: "@scope/image", version: "next" }],
    ["@scope/image@1.0.0-rc.1+5", { name: "@scope/image", version: "1.0.0-rc.1+5" }],
  ])("%s is read", (text, expected) => {
    expect(parseNpmReference(text)).toEqual(expected);
    expect(formatNpmReference(expected)).toBe(`npm:${expected.name}@${expected.version}`);
  });

  it.each([
    ["", /no package name/],
    ["@scope", /no package name/],
    ["@scope/", /no package name/],
    ["Image", /no package name/],
    ["../image", /no package name/],
    ["a/b/c", /no package name/],
    ["a%2fb", /no package name/],
    ["x".repeat(215), /no package name/],
    ["image@", /neither a version nor a tag/],
    ["image@^1.0.0", /neither a version nor a tag/],
    ["image@1", /neither a version nor a tag/],
    ["image@1.x", /neither a version nor a tag/],
    ["image@1.0.0/../x", /neither a version nor a tag/],
    [`image@${"a".repeat(129)}`, /neither a version nor a tag/],
  ])("%j is refused", (text, message) => {
    expect(() => parseNpmReference(text)).toThrow(
      expect.objectContaining({
        code: "REFERENCE_INVALID",
        message: expect.stringMatching(message),
      }),
    );
  });

  it("gives an image name that can be used wherever image names are taken", () => {
    const word = fc.stringMatching(/^[a-z0-9~-][a-z0-9._~-]{0,30}$/);
    const name = fc.oneof(
      word,
      fc.tuple(word, word).map(([scope, part]) => `@${scope}/${part}`),
    );
    const version = fc.stringMatching(/^\d\.\d\.\d(-[0-9A-Za-z.-]{1,9})?(\+[0-9A-Za-z.-]{1,9})?$/);
    fc.assert(
      fc.property(name, version, (packageName, exact) => {
        const image = imageNameOfNpm({ name: packageName, version: exact });
        expect(formatReference(parseReference(image))).toBe(image);
      }),
    );
  });
});
