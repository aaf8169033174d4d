import { busyboxConfig, busyboxLayer } from "../busybox.ts";
import type { Recipe } from "../recipe.ts";

export default {
  about: "the embedded default: a shell and the ordinary tools, for any user and without network",
  built: "always",
  images: [{ layers: [busyboxLayer()], config: busyboxConfig }],
} satisfies Recipe;
