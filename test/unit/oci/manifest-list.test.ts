import { expect, it } from "vitest";
import { sha256Digest } from "../../../src/oci/digest.ts";
import { parseManifestOrIndex } from "../../../src/oci/manifest.ts";
import { type ListedManifest, writeIndex } from "../../../src/oci/manifest-list.ts";

const docker: ListedManifest = {
  mediaType: "application/vnd.docker.distribution.manifest.v2+json",
  digest: sha256Digest("one"),
  size: 3,
  platform: {
    os: "linux",
    architecture: "arm",
    variant: "v7",
    osVersion: "10",
    features: ["neon"],
  },
  annotations: {},
};
const oci: ListedManifest = {
  ...docker,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: sha256Digest("two"),
};

const typeOf = (entries: readonly ListedManifest[]) => {
  const { bytes, mediaType } = writeIndex(entries);
  expect(parseManifestOrIndex(bytes, mediaType)).toMatchObject({ kind: "index", mediaType });
  return mediaType;
};

it("an index is Docker's only where all of it is, and it has a place for everything", () => {
  const list = "application/vnd.docker.distribution.manifest.list.v2+json";
  const index = "application/vnd.oci.image.index.v1+json";
  expect(typeOf([docker])).toBe(list);
  expect(typeOf([])).toBe(index);
  expect(typeOf([docker, oci])).toBe(index);
  expect(typeOf([{ ...docker, annotations: { a: "b" } }])).toBe(index);
});

it("a platform has the specification's names", () => {
  const { manifests } = JSON.parse(writeIndex([docker]).bytes.toString()) as {
    manifests: { platform: object }[];
  };
  expect(manifests[0]?.platform).toEqual({
    os: "linux",
    architecture: "arm",
    variant: "v7",
    "os.version": "10",
    features: ["neon"],
  });
});
