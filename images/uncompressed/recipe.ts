import { busyboxConfig, busyboxLayer } from "../busybox.ts";
import { file, type Recipe } from "../recipe.ts";

export default {
  about: "layers that are plain archives",
  images: [
    {
      layers: [
        { ...busyboxLayer(), compression: "none" },
        { entries: [file("compressed-with", "nothing\n")], compression: "none" },
      ],
      config: busyboxConfig,
    },
  ],
} satisfies Recipe;
