import { onBusybox } from "../busybox.ts";
import { file, type Recipe } from "../recipe.ts";
import { common } from "../shared-base-a/recipe.ts";

export default {
  about: "shares two layers with shared-base-a",
  images: [onBusybox([common, { entries: [file("which", "b\n")] }], { Cmd: ["cat", "/which"] })],
} satisfies Recipe;
