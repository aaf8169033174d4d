import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { Transcript } from "../support/wait.ts";
import { addRandomImage } from "./served-images.ts";
import { TestStore, tsmanPath } from "./support.ts";

const mebibyte = 1024 * 1024;

/** Pulls into a file system of 8 MiB, then lists what is left of the pull there. */
const script = `
mount -t tmpfs -o size=8m,mode=700 none "$TSMAN_ROOT" || exit 99
"$0" pull "$1"
status=$?
find "$TSMAN_ROOT/layers" "$TSMAN_ROOT/blobs" -type f
exit $status
`;

async function pullOntoSmallDisk(
  reference: string,
  watch: (stderr: Transcript) => void = () => {},
) {
  await using store = await TestStore.create();
  await mkdir(store.root, { mode: 0o700 });
  // One id only, as the mount needs no more; tsman then maps one id as well.
  const child = spawn(
    "unshare",
    ["--user", "--map-root-user", "--mount", "sh", "-c", script, tsmanPath, reference],
    { env: store.environment(), stdio: ["ignore", "pipe", "pipe"], cwd: store.scratch },
  );
  const [stdout, stderr] = [new Transcript(child.stdout), new Transcript(child.stderr)];
  watch(stderr);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

describe("a pull onto a disk that is too small", () => {
  it("for the download says so and leaves nothing of it", async () => {
    await using registry = await startFaultyRegistry();
    const image = addRandomImage(registry, [12]);
    const result = await pullOntoSmallDisk(image.reference);
    expect(result.stderr).toMatch(/no space left|disk is full|full disk/i);
    expect(result.stderr).toContain(image.blobs[0]?.slice(7, 19) ?? "");
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
  });

  it("for a file of a layer names layer and entry, and leaves nothing of them", async () => {
    await using registry = await startFaultyRegistry();
    const layer = new TarBuilder()
      .file("small", "fits")
      // No zeros, of which holes are made.
      .file("var/large-file", Buffer.alloc(12 * mebibyte, "x"))
      .build();
    const image = addImage(registry, { name: "large", layers: [layer] });
    const result = await pullOntoSmallDisk(`${registry.host}/large`);
    expect(result.stderr).toMatch(/no space left|disk is full|full disk/i);
    expect(result.stderr).toContain("var/large-file");
    expect(result.stderr).toContain(image.layers[0]?.diffId.slice(7, 19) ?? "");
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
  });

  it("for the last layers leaves nothing of the first ones, to which no image leads", async () => {
    await using registry = await startFaultyRegistry();
    // Blob and files of the first fit; the second waits until they are there.
    const image = addRandomImage(registry, [1, 6]);
    const [first = "", second = ""] = image.blobs;
    const isThere = Promise.withResolvers<void>();
    registry.fault({
      on: "blob",
      reference: second,
      action: { kind: "hold", bytes: 0, until: isThere.promise },
    });
    const result = await pullOntoSmallDisk(image.reference, (stderr) => {
      const line = stderr.until(`Layer ${first.slice(7, 19)}: done`);
      line.then(() => isThere.resolve(), isThere.reject);
    });
    expect(result.stderr).toMatch(/no space left|disk is full|full disk/i);
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
  });
});
