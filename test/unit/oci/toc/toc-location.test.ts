import { expect, it } from "vitest";
import type { Digest } from "../../../../src/oci/digest.ts";
import { findTocLocation } from "../../../../src/oci/toc/toc-location.ts";

const digest = `sha256:${"b".repeat(64)}` as Digest;

function locate(annotations: Readonly<Record<string, string>> | undefined) {
  const mediaType = "application/vnd.oci.image.layer.v1.tar+zstd";
  return findTocLocation({ mediaType, digest, size: 1000, annotations });
}

function chunked(position: string, prefix = "io.github.containers.zstd-chunked.") {
  return { [`${prefix}manifest-checksum`]: digest, [`${prefix}manifest-position`]: position };
}

it.each(["io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."])(
  "a table of zstd:chunked is where annotations %s say",
  (prefix) => {
    const expected = { format: "zstd:chunked", digest, start: 900, end: 950 };
    expect(locate(chunked("900:50:70:1", prefix))).toEqual({ ...expected, split: undefined });
    const split = (position: string) =>
      locate({ ...chunked("900:50:70:1", prefix), [`${prefix}tarsplit-position`]: position });
    expect(split("958:20:90")).toEqual({ ...expected, split: { start: 958, end: 978 } });
    for (const position of ["990:20:90", "958:20:99999999", "958:20:90:1", ""]) {
      expect(split(position)).toEqual({ ...expected, split: undefined });
    }
  },
);

it("a table of eStargz is where the blob says", () => {
  const annotations = { "containerd.io/snapshot/stargz/toc.digest": digest };
  expect(locate(annotations)).toEqual({ format: "eStargz", digest });
});

it.each([
  ["nothing is said", undefined],
  ["it would lie behind the blob", chunked("900:101:70:1")],
  ["it would be the blob's beginning", chunked("0:10:70:1")],
  ["it would be empty", chunked("900:0:70:1")],
  ["it is of another type", chunked("900:50:70:2")],
  ["it would be large", chunked("900:50:99999999:1")],
  ["the numbers are none", chunked("900:-50:0x10:1")],
  ["the numbers are beyond all", chunked(`${"9".repeat(30)}:50:70:1`)],
  ["the digest is none", { ...chunked("900:50:70:1"), ...digestless() }],
  ["the digest of eStargz is none", { "containerd.io/snapshot/stargz/toc.digest": "x" }],
])("there is none where %s", (_, annotations) => {
  expect(locate(annotations)).toBeUndefined();
});

function digestless() {
  return { "io.github.containers.zstd-chunked.manifest-checksum": "../../etc/passwd" };
}
