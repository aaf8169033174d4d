import { onBusybox } from "../busybox.ts";
import { file, type Recipe } from "../recipe.ts";

export default {
  about: "Docker's media types: image manifest version 2, schema 2, in a manifest list",
  format: "docker",
  index: true,
  images: [onBusybox([{ entries: [file("format", "docker\n")] }])],
} satisfies Recipe;
