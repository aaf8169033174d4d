import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { registry, useStore } from "./support.ts";

const store = useStore();
const words = (text: string) => text.split(" ");

/** `storage.keep_blobs = false` */
function frugal(): Readonly<Record<string, string>> {
  const config = join(store().scratch, "config");
  mkdirSync(join(config, "tsman"), { recursive: true });
  writeFileSync(join(config, "tsman/config.toml"), "[storage]\nkeep_blobs = false\n");
  return { XDG_CONFIG_HOME: config };
}

const blobs = (): readonly string[] => readdirSync(join(store().root, "blobs/sha256"));

it("blobs of unpacked layers are dropped, and fetched again when they are needed", async () => {
  const env = frugal();
  const succeed = async (text: string) => (await store().succeed(words(text), { env })).stdout;
  const image = `${registry()}/shared-base-a`;
  await succeed(`pull --quiet ${image}`);
  // Manifest and config.
  expect(blobs()).toHaveLength(2);
  const run = "run --rm --quiet --network none";
  await succeed(`${run} ${image} true`);
  expect(await succeed("system check --max 0s")).toBe("");
  // Another id mapping needs them.
  await succeed(`${run} --userns keep-id:uid=5,gid=5 ${image} true`);
  expect(blobs().length).toBeGreaterThan(2);
  await succeed("system prune --force");
  expect(blobs()).toHaveLength(2);
  // What is sent has the same digest.
  const target = `${registry()}/keep-blobs-test/app`;
  await succeed(`push --quiet ${image} docker://${target}:1`);
  const digest = (await succeed(`images --format {{.Digest}} ${image}`)).trim();
  const answer = await fetch(`http://${target.replace("/", "/v2/")}/manifests/${digest}`, {
    headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  expect(answer.status).toBe(200);
  // An image that was made here has no registry to ask: it gets what it needs, and keeps it.
  await succeed(`create --quiet --network none --name changed ${image}`);
  await succeed("commit --quiet changed own");
  await succeed("rm changed");
  await succeed(`rmi ${image}`);
  await succeed(`save --quiet --output ${join(store().scratch, "own.tar")} own`);
  await succeed("system prune --force");
  await succeed(`push --quiet own docker://${target}:2`);
  expect(await succeed("system check --max 0s")).toBe("");
});
