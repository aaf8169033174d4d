import { onBusybox } from "../busybox.ts";
import { dir, file, type Layer, type Recipe } from "../recipe.ts";

/** The second layer that shared-base-a and shared-base-b have in common; busybox is the first. */
export const common: Layer = {
  entries: [dir("common"), file("common/data", Buffer.alloc(300_000, "common data\n"))],
};

export default {
  about: "shares two layers with shared-base-b",
  images: [onBusybox([common, { entries: [file("which", "a\n")] }], { Cmd: ["cat", "/which"] })],
} satisfies Recipe;
