import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findImageLocation,
  formatImageLocation,
  type ImageLocation,
  parseImageLocation,
} from "../../../src/oci/image-location.ts";

describe("the location of an image", () => {
  it.each<[string, ImageLocation]>([
    [
      "docker://alpine",
      {
        transport: "docker",
        reference: { registry: "docker.io", repository: "library/alpine", tag: "latest" },
      },
    ],
    ["containers-storage:alpine:3", { transport: "containers-storage", image: "alpine:3" }],
    [
      "npm:@team/image@1.2.3",
      { transport: "npm", package: { name: "@team/image", version: "1.2.3" } },
    ],
    ["oci:./images", { transport: "oci", path: "./images" }],
    [
      "oci:/a b:docker.io/library/x:1",
      { transport: "oci", path: "/a b", image: { name: "docker.io/library/x:1" } },
    ],
    ["oci-archive:x.tar:@2", { transport: "oci-archive", path: "x.tar", image: { position: 2 } }],
    [
      "docker-archive:x.tar:tool",
      {
        transport: "docker-archive",
        path: "x.tar",
        image: { name: "docker.io/library/tool:latest" },
      },
    ],
    ["dir:/a:b", { transport: "dir", path: "/a:b" }],
  ])("%s is read", (text, location) => {
    expect(parseImageLocation(text)).toEqual(location);
  });

  it.each(["alpine", "alpine:3", "localhost:5000/oci:1", "ocidir:x", "quay.io/a/b@sha256:0", ""])(
    "%j names no transport",
    (text) => {
      expect(findImageLocation(text)).toBeUndefined();
      expect(() => parseImageLocation(text)).toThrow("it names no transport");
    },
  );

  it.each([
    ["docker:alpine", "docker: is not followed by //"],
    ["docker://Alpine", "does not belong in a name"],
    ["npm:", "it has no package name"],
    ["oci:", "it names no path"],
    ["dir:", "it names no path"],
    ["oci::latest", "it names no path"],
    ["oci:x:", "no image's name"],
    ["oci:x:a\u001b[2J", "no image's name"],
    ["oci-archive:x:@-1", "@ is not followed by a number"],
    ["docker-archive:x:UPPER", "does not belong in a name"],
    [`docker-archive:x:a@sha256:${"0".repeat(64)}`, "none with digests"],
    ["dir:a\0b", "NUL"],
    ["containers-storage:", "it names no image"],
    ["docker-daemon:alpine:3", "tsman does not speak to Docker"],
  ])("%j is refused: %s", (text, why) => {
    expect(() => parseImageLocation(text)).toThrow(why);
    // Nothing that a terminal could take for a command.
    expect(() => parseImageLocation(text)).toThrow(/^[\x20-\x7e…]*$/);
  });

  const path = fc.stringMatching(/^[^:\0]{1,20}$/);
  const selector = fc.oneof(
    fc.record({ name: fc.stringMatching(/^[!-?A-~][!-~]{0,20}$/) }),
    fc.record({ position: fc.nat(999_999) }),
  );
  const location: fc.Arbitrary<ImageLocation> = fc.oneof(
    fc.record({ transport: fc.constant("dir" as const), path }),
    fc.record({ transport: fc.constantFrom("oci" as const, "oci-archive" as const), path }),
    fc.record({
      transport: fc.constantFrom("oci" as const, "oci-archive" as const),
      path,
      image: selector,
    }),
  );

  it("is the same after it was written and read again", () => {
    fc.assert(
      fc.property(location, (one) => {
        expect(parseImageLocation(formatImageLocation(one))).toEqual(one);
      }),
    );
  });

  it("never fails with anything but a reason, whatever the text", () => {
    fc.assert(
      fc.property(fc.constantFrom("oci:", "docker://", "dir:", ""), fc.string(), (scheme, rest) => {
        try {
          findImageLocation(scheme + rest);
        } catch (error) {
          expect((error as { code?: string }).code).toBe("REFERENCE_INVALID");
        }
      }),
    );
  });
});
