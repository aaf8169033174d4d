import { file, type Recipe } from "../recipe.ts";

export default {
  about: "an index that has nothing for this host",
  images: [
    {
      platform: { os: "linux", architecture: "s390x" },
      layers: [{ entries: [file("platform", "linux/s390x\n")] }],
    },
    {
      platform: { os: "windows", architecture: "amd64" },
      layers: [{ entries: [file("Files/platform", "windows/amd64\n")] }],
    },
  ],
} satisfies Recipe;
