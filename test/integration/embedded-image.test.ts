import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot, runTsman, TestStore } from "./support.ts";

const layout = join(projectRoot, "dist/images/busybox");

/** Id of the image that the build has put beside the program. */
function embeddedId(): string {
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), "utf8")) as unknown;
  const index = read("index.json") as { manifests: [{ digest: string }] };
  const manifest = read(`blobs/${index.manifests[0].digest.replace(":", "/")}`) as {
    config: { digest: string };
  };
  return manifest.config.digest.replace("sha256:", "");
}

it("busybox is in every user's store from the first command on", async () => {
  const { stdout } = await runTsman(["images", "--no-trunc"]);
  const line = stdout.split("\n").find((text) => text.startsWith("localhost/busybox"));
  expect(line).toContain("latest");
  expect(line).toContain(embeddedId());
});

it("image exists ends with 0, 1, or 125 when it cannot tell", async () => {
  await using store = await TestStore.create();
  const exists = async (name: string) => (await store.run(["image", "exists", name])).status;
  expect(await exists("busybox")).toBe(0);
  expect(await exists(embeddedId().slice(0, 12))).toBe(0);
  expect(await exists("nobody/knows")).toBe(1);
  expect(await exists("NOT/VALID")).toBe(125);
});

it("commands that start at the same time in an empty store agree on it", async () => {
  await using store = await TestStore.create();
  const results = await Promise.all(Array.from({ length: 4 }, () => store.run(["images"])));
  for (const { status, stdout, stderr } of results) {
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("localhost/busybox");
  }
});

it("a name under localhost/ is never asked of the network", async () => {
  const result = await runTsman(["pull", "localhost/no-such-image"]);
  expect(result.status).toBe(125);
  expect(result.stderr).toContain("localhost/no-such-image");
});
