import { existsSync } from "node:fs";
import { join } from "node:path";
import { readPublished } from "../support/published-image.ts";
import { registry, type TestStore } from "./support.ts";

/** Directory in which a store keeps the unpacked layer with this chainID (architecture.md, 4). */
export function layerDirectory(store: TestStore, chainId: string): string {
  return join(store.root, "layers", chainId.replace("sha256:", ""), "diff");
}

/** Pulls `name:latest` of the tests' registry and returns its layers' directories, lowest first. */
export async function pullLayers(store: TestStore, name: string): Promise<string[]> {
  const image = await readPublished(registry(), name);
  await store.succeed(["pull", "--quiet", `${registry()}/${name}`]);
  return image.layers.map(({ chainId }) => {
    const directory = layerDirectory(store, chainId);
    if (!existsSync(directory)) throw new Error(`${name}: layer ${chainId} is not in the store`);
    return directory;
  });
}
