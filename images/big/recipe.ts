import { busyboxConfig, busyboxLayer } from "../busybox.ts";
import { hostTree } from "../host-tree.ts";
import { dir, type Recipe } from "../recipe.ts";
import type { TarEntry } from "../tar.ts";

/** Bytes of file content: about what an image with a compiler or an interpreter has. */
const limit = 268_000_000;

/** Sizes and kinds of files should be those of a real system: so they are one's. */
const sources = ["/usr/bin", "/usr/share", "/usr/lib"];

/** Each source may use its part of the limit, lest the first one fills it alone. */
async function* entries(): AsyncGenerator<TarEntry> {
  yield dir("usr");
  for (const source of sources) {
    const budget = { left: Math.floor(limit / sources.length) };
    yield* hostTree(source, budget);
  }
}

export default {
  about: "the size and shape of a distribution's image, from the /usr of the building host",
  built: "for the benchmark",
  images: [{ layers: [busyboxLayer(), { entries }], config: { ...busyboxConfig, Cmd: ["true"] } }],
} satisfies Recipe;
