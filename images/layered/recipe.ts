import { busyboxConfig, busyboxLayer } from "../busybox.ts";
import { hostTree } from "../host-tree.ts";
import { dir, type Recipe } from "../recipe.ts";
import type { TarEntry } from "../tar.ts";

/** Besides the one with a shell. */
const layers = 4;
/** Bytes of file content of each layer. */
const limit = 75_000_000;

/** Every file of the host is in one layer at most: which one its name decides. */
function layerOf(path: string): number {
  let sum = 0;
  for (const unit of Buffer.from(path)) sum = (sum * 31 + unit) % 65_521;
  return sum % layers;
}

async function* entries(layer: number): AsyncGenerator<TarEntry> {
  yield dir("usr");
  const budget = { left: limit };
  for (const source of ["/usr/bin", "/usr/lib", "/usr/share"]) {
    yield* hostTree(source, budget, (path) => layerOf(path) === layer);
  }
}

export default {
  about: "300 MB in five layers of one size, from the /usr of the building host",
  built: "for the benchmark",
  images: [
    {
      layers: [
        busyboxLayer(),
        ...Array.from({ length: layers }, (_, layer) => ({ entries: () => entries(layer) })),
      ],
      config: { ...busyboxConfig, Cmd: ["true"] },
    },
  ],
} satisfies Recipe;
