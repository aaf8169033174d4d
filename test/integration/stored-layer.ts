import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readPublished } from "../support/published-image.ts";
import { registry, type TestStore } from "./support.ts";

/**
 * Directory in which a store keeps the unpacked layer with this chainID:
 * `layers/<id mapping>/<chainID>/diff`.  A test uses one id mapping.
 *
 * @throws Error when it is not there.
 */
export function layerDirectory(store: TestStore, chainId: string): string {
  const layers = join(store.root, "layers");
  const candidates = readdirSync(layers).map((mapping) =>
    join(layers, mapping, chainId.replace("sha256:", ""), "diff"),
  );
  const [found, ...more] = candidates.filter((directory) => existsSync(directory));
  if (found === undefined) throw new Error(`layer ${chainId} is not in ${layers}`);
  if (more.length > 0) throw new Error(`layer ${chainId} is there for several id mappings`);
  return found;
}

/** Every directory of layers, complete, partial or waste: `<id mapping>/<name>`. */
export function layerDirectories(store: TestStore): string[] {
  const layers = join(store.root, "layers");
  if (!existsSync(layers)) return [];
  return readdirSync(layers).flatMap((mapping) =>
    readdirSync(join(layers, mapping)).map((name) => `${mapping}/${name}`),
  );
}

/** Pulls `name:latest` of the tests' registry and returns its layers' directories, lowest first. */
export async function pullLayers(store: TestStore, name: string): Promise<string[]> {
  const image = await readPublished(registry(), name);
  // Each layer takes a process that enters a user namespace: 121 of them take their time.
  await store.succeed(["pull", "--quiet", `${registry()}/${name}`], { timeout: 150_000 });
  return image.layers.map(({ chainId }) => layerDirectory(store, chainId));
}
