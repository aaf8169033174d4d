import { busyboxConfig, busyboxLayer } from "../busybox.ts";
import { file, type Recipe } from "../recipe.ts";

export default {
  about: "layers compressed with zstd (RFC 8878)",
  images: [
    {
      layers: [
        { ...busyboxLayer(), compression: "zstd" },
        { entries: [file("compressed-with", "zstd\n")], compression: "zstd" },
      ],
      config: busyboxConfig,
    },
  ],
} satisfies Recipe;
