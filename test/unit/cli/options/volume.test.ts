import { describe, expect, test } from "vitest";
import { parseVolume } from "../../../../src/cli/options/volume.ts";
import { thrownError } from "../thrown-error.ts";

const parse = (text: string) => parseVolume(text, "--volume", "/work/dir");
const bind = {
  type: "bind",
  source: "/a",
  target: "/b",
  readOnly: false,
  recursive: true,
  flags: [],
  chown: false,
};
const volume = { type: "volume", target: "/b", readOnly: false, flags: [], copyUp: true };

describe("a volume", () => {
  test.each([
    ["/a:/b", bind],
    ["/a:/b:ro", { ...bind, readOnly: true }],
    ["/a:/b:rw", bind],
    ["./a:/b", { ...bind, source: "/work/dir/a" }],
    ["../a:/b", { ...bind, source: "/work/a" }],
    [".:/b", { ...bind, source: "/work/dir" }],
    ["/a/../c/:/b/./d/", { ...bind, source: "/c", target: "/b/d" }],
    ["/a:/b:z", bind],
    ["/a:/b:ro,Z", { ...bind, readOnly: true }],
    ["/a:/b:U", { ...bind, chown: true }],
    ["/a:/b:bind", { ...bind, recursive: false }],
    ["/a:/b:rbind,rslave", { ...bind, propagation: "rslave" }],
    ["/a:/b:noexec,nosuid,nodev", { ...bind, flags: ["noexec", "nosuid", "nodev"] }],
    ["/b", volume],
    ["data:/b", { ...volume, name: "data" }],
    ["data.1_x-y:/b:ro", { ...volume, name: "data.1_x-y", readOnly: true }],
    ["data:/b:nocopy", { ...volume, name: "data", copyUp: false }],
  ])("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test.each([
    ["a:b:c:d", "more than three parts"],
    [":/b", "an empty part"],
    ["/a::ro", "an empty part"],
    ["/a:b", 'the container\'s path "b" is not absolute'],
    ["b", 'the container\'s path "b" is not absolute'],
    ["/a:/", "the target is the container's root"],
    ["/a:/b:ro,rw", "both ro and rw"],
    ["/a:/b:rwx", 'unknown option "rwx"'],
    ["/a:/b:copy", 'unknown option "copy"'],
    ["data:/b:rshared", 'unknown option "rshared"'],
    ["-x:/b", '"-x" is neither a path nor a volume\'s name'],
    ["a/b:/c", '"a/b" is neither a path nor a volume\'s name'],
  ])("%s is refused: %s", (text, why) => {
    const error = thrownError(() => parse(text));
    expect(error.code).toBe("USAGE");
    expect(error.message).toBe(`parse --volume ${JSON.stringify(text)}: ${why}`);
    expect(error.hint).toBeDefined();
  });

  test.each(["/a:/b:O", "/a:/b:idmap", "data:/b:U", "/a:/b:O,upperdir=/u"])(
    "%s is refused as unsupported",
    (text) => {
      expect(thrownError(() => parse(text)).code).toBe("OPTION_UNSUPPORTED");
    },
  );
});
