import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPublished } from "../support/published-image.ts";
import { layerDirectories, layerDirectory, pullLayers } from "./stored-layer.ts";
import { registry, useStore } from "./support.ts";

const store = useStore();

/** Names of images in the store, as `tsman images` shows them. */
async function imageNames(): Promise<string> {
  return (await store().succeed(["images"])).stdout;
}

describe("tsman pull", () => {
  it("prints the image's id on stdout, and nothing else there", async () => {
    const image = await readPublished(registry(), "busybox");
    const result = await store().succeed(["pull", `${registry()}/busybox`]);
    expect(result.stdout).toBe(`${image.id}\n`);
    expect(await imageNames()).toContain(`${registry()}/busybox`);
  });

  it("tells progress in plain lines when stderr is no terminal", async () => {
    const image = await readPublished(registry(), "user-by-name");
    const { stderr } = await store().succeed(["pull", `${registry()}/user-by-name`]);
    expect(stderr).not.toContain("\r");
    expect(stderr).not.toContain("\u001b");
    for (const { digest } of image.layers) {
      expect(stderr).toContain(digest.replace("sha256:", "").slice(0, 12));
    }
  });

  it("says nothing but the id with --quiet", async () => {
    const image = await readPublished(registry(), "zstd");
    const result = await store().succeed(["pull", "--quiet", `${registry()}/zstd`]);
    expect(result.stdout).toBe(`${image.id}\n`);
    expect(result.stderr).toBe("");
  });

  it("draws on a terminal and ends with the id", async () => {
    const image = await readPublished(registry(), "shared-base-a");
    const session = store().terminal(["pull", `${registry()}/shared-base-a`]);
    expect(await session.exited).toEqual({ status: 0, signal: null });
    const screen = (await session.screen.end()).toString();
    // Bars are drawn over: the cursor moves up.
    expect(screen).toContain("\u001b[");
    expect(screen.trimEnd().endsWith(image.id)).toBe(true);
  });

  it("pulls by digest, whatever the tag says", async () => {
    const image = await readPublished(registry(), "apt-like");
    const result = await store().succeed(["pull", "-q", `${registry()}/apt-like@${image.digest}`]);
    expect(result.stdout).toBe(`${image.id}\n`);
  });

  it("does not take another manifest for a digest that the registry lacks", async () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const result = await store().run(["pull", `${registry()}/busybox@${digest}`]);
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
    expect(result.stderr).toContain(digest.slice(0, 19));
  });

  it.each([
    ["zstd", "zstd\n"],
    ["uncompressed", "nothing\n"],
  ])("unpacks the layers of %s", async (name, content) => {
    const layers = await pullLayers(store(), name);
    expect(await readFile(join(layers[1] ?? "", "compressed-with"), "utf8")).toBe(content);
    expect(await readdir(join(layers[0] ?? "", "bin"))).toContain("busybox");
  });

  it("understands Docker's media types", async () => {
    const layers = await pullLayers(store(), "docker-v2s2");
    expect(await readFile(join(layers[1] ?? "", "format"), "utf8")).toBe("docker\n");
  });

  it("unpacks a layer that two images share once", async () => {
    const a = await pullLayers(store(), "shared-base-a");
    const before = layerDirectories(store());
    const b = await pullLayers(store(), "shared-base-b");
    expect(b.slice(0, 2)).toEqual(a.slice(0, 2));
    expect(layerDirectories(store()).length - before.length).toBe(1);
  });

  it("keeps in blobs/ exactly the bytes that each name promises", async () => {
    const directory = join(store().root, "blobs/sha256");
    const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const sum = createHash("sha256").update(await readFile(join(directory, name)));
      expect(sum.digest("hex")).toBe(name);
    }
  });

  it("is content with what the store has when asked again", async () => {
    const first = await store().succeed(["pull", `${registry()}/busybox`]);
    const second = await store().succeed(["pull", `${registry()}/busybox`]);
    expect(second.stdout).toBe(first.stdout);
  });

  it("names repository and tag that the registry lacks", async () => {
    const unknown = await store().run(["pull", `${registry()}/no/such/image`]);
    expect(unknown.status).toBe(125);
    expect(unknown.stderr).toContain("no/such/image");
    const tag = await store().run(["pull", `${registry()}/busybox:no-such-tag`]);
    expect(tag.status).toBe(125);
    expect(tag.stderr).toContain("no-such-tag");
  });

  it("names the character that makes a reference malformed", async () => {
    const result = await store().run(["pull", `${registry()}/Busybox`]);
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(/["'`]?B["'`]?/);
    expect(result.stderr).toContain("Busybox");
  });

  it("says what to check when nobody answers", async () => {
    const result = await store().run(["pull", "127.0.0.1:1/busybox"]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain("127.0.0.1:1");
    expect(result.stdout).toBe("");
  });
});

describe("an index", () => {
  it("gives the image of this host's platform", async () => {
    const [, marker] = await pullLayers(store(), "multi-platform");
    const expected = process.arch === "arm64" ? "linux/arm64/v8\n" : "linux/amd64\n";
    expect(await readFile(join(marker ?? "", "platform"), "utf8")).toBe(expected);
  });

  it.each([
    ["linux/arm64", "arm64", "linux/arm64/v8\n"],
    ["linux/arm64/v8", "arm64", "linux/arm64/v8\n"],
    ["linux/riscv64", "riscv64", "linux/riscv64\n"],
  ])("gives the image of --platform %s", async (platform, architecture, marker) => {
    const image = await readPublished(registry(), "multi-platform", architecture);
    const reference = `${registry()}/multi-platform`;
    const result = await store().succeed(["pull", "-q", "--platform", platform, reference]);
    expect(result.stdout).toBe(`${image.id}\n`);
    const directory = layerDirectory(store(), image.layers.at(-1)?.chainId ?? "");
    expect(await readFile(join(directory, "platform"), "utf8")).toBe(marker);
  });

  it("prefers v7 for linux/arm and takes v6 when asked", async () => {
    const reference = `${registry()}/multi-platform`;
    const v6 = await store().succeed(["pull", "-q", "--platform", "linux/arm/v6", reference]);
    const v7 = await store().succeed(["pull", "-q", "--platform", "linux/arm/v7", reference]);
    const any = await store().succeed(["pull", "-q", "--platform", "linux/arm", reference]);
    expect(v6.stdout).not.toBe(v7.stdout);
    expect(any.stdout).toBe(v7.stdout);
  });

  it("lists what it has when it has nothing for this host", async () => {
    const result = await store().run(["pull", `${registry()}/foreign-only`]);
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
    expect(result.stderr).toContain("linux/s390x");
    expect(result.stderr).toContain("windows/amd64");
    expect(await imageNames()).not.toContain("foreign-only");
  });
});
