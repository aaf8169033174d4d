import { onBusybox } from "../busybox.ts";
import { dir, file, type Recipe } from "../recipe.ts";

/** More than fits into one page of overlay mount options, and than most images have. */
const count = 120;

/** Every layer adds /layers/N and changes /last; the merged tree has all files, and the last N. */
export default {
  about: "120 layers over busybox, each adds a file and changes one",
  images: [
    onBusybox(
      Array.from({ length: count }, (_, index) => ({
        entries: [
          dir("layers"),
          file(`layers/${index + 1}`, `${index + 1}\n`),
          file("last", `${index + 1}\n`),
        ],
      })),
      { Cmd: ["cat", "/last"] },
    ),
  ],
} satisfies Recipe;
