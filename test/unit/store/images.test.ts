import { describe, expect, it } from "vitest";
import type { Digest } from "../../../src/oci/digest.ts";
import { containerRecord, digestOf, imageRecord, scratchStore } from "./scratch-store.ts";

const alpine = imageRecord("alpine");
const debian = imageRecord("debian", { createdAt: "2026-06-01T00:00:00Z" });

describe("an image", () => {
  it("is found by name, by digest, by id and by the beginning of its id, as it was entered", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    images.put(alpine);
    const same = JSON.parse(JSON.stringify(alpine)) as unknown;
    expect(images.findByName("docker.io/library/alpine:latest")).toEqual(same);
    expect(images.findByName(alpine.digests[0] ?? "")).toEqual(same);
    expect(images.findById(alpine.id)).toEqual(same);
    expect(images.findById(alpine.id.slice(7, 19))).toEqual(same);
    expect(images.findByName("docker.io/library/alpine:other")).toBeUndefined();
    expect(images.findById("ffffffffffffffffff")).toBeUndefined();
  });

  it("loses its name to the image that is entered under it later", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    images.put(alpine);
    images.put({ ...debian, names: alpine.names });
    expect(images.findByName("docker.io/library/alpine:latest")?.id).toBe(debian.id);
    expect(images.findById(alpine.id)?.names).toEqual([]);
  });

  it("entered again keeps the names that it had", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    images.put(alpine);
    images.tag(alpine.id, "localhost/mine:1");
    images.put(alpine);
    expect(images.findById(alpine.id)?.names).toEqual([
      "docker.io/library/alpine:latest",
      "localhost/mine:1",
    ]);
  });

  it("that is not there cannot be named", () => {
    using scratch = scratchStore();
    expect(() => scratch.store.images.tag(digestOf("nothing"), "localhost/x:1")).toThrow(
      /not in the local store/,
    );
  });

  it("is gone with its names after its removal", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    images.put(alpine);
    expect(images.remove(alpine.id)).toBe(true);
    expect(images.findByName("docker.io/library/alpine:latest")).toBeUndefined();
    expect(images.untag(alpine.id, "docker.io/library/alpine:latest")).toBe(false);
    expect(images.remove(alpine.id)).toBe(false);
  });

  it("that a container was made of, perhaps a moment ago, stays", () => {
    using scratch = scratchStore();
    const { images, containers } = scratch.store;
    images.put(alpine);
    const container = containerRecord("web", { imageId: alpine.id });
    containers.create(container);
    expect(images.remove(alpine.id)).toBe(false);
    expect(images.findByName("docker.io/library/alpine:latest")?.id).toBe(alpine.id);
    containers.remove(container.id);
    expect(images.remove(alpine.id)).toBe(true);
  });

  it("with a name that was given a moment ago stays", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    images.put(alpine);
    images.tag(alpine.id, "localhost/other:1");
    expect(images.remove(alpine.id, alpine.names)).toBe(false);
    expect(images.remove(alpine.id, [])).toBe(false);
    expect(images.untag(debian.id, "localhost/other:1")).toBe(false);
    expect(images.untag(alpine.id, "localhost/other:1")).toBe(true);
    expect(images.remove(alpine.id, alpine.names)).toBe(true);
  });

  it("is listed, the newest first", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    images.put(alpine);
    images.put(debian);
    expect(images.list().map(({ id }) => id)).toEqual([debian.id, alpine.id]);
  });

  it("is not guessed from a beginning that several ids have", () => {
    using scratch = scratchStore();
    const { images } = scratch.store;
    const ids = ["a", "b"].map((end) => `sha256:${"0".repeat(63)}${end}` as Digest);
    for (const [index, id] of ids.entries()) images.put(imageRecord(`image-${index}`, { id }));
    expect(() => images.findById("0000")).toThrow(/several ids/);
    expect(images.findById("0".repeat(63).concat("b"))?.id).toBe(ids[1]);
  });
});
