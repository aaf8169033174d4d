import { onBusybox } from "../busybox.ts";
import { dir, file, hardlink, type Recipe, symlink } from "../recipe.ts";

/**
 * After all layers: original says "two", second and deep/third say "one" as in the first layer, and
 * across as in the second (a file that a layer replaces does not change its other names);
 * link-name is another name of the link itself.
 */
export default {
  about: "hard links inside a layer, and to a file that layers above link again and replace",
  images: [
    onBusybox(
      [
        {
          entries: [
            dir("links"),
            file("links/original", "one\n", { mode: 0o604, uid: 1000, gid: 1000 }),
            hardlink("links/second", "links/original"),
            dir("links/deep"),
            hardlink("links/deep/third", "links/original"),
            symlink("links/link", "original"),
            hardlink("links/link-name", "links/link"),
          ],
        },
        // What overlay's copy-up makes of `ln original across`: the file again, then its new name.
        {
          entries: [
            dir("links"),
            file("links/across", "one\n", { mode: 0o604, uid: 1000, gid: 1000 }),
            hardlink("links/original", "links/across"),
          ],
        },
        { entries: [dir("links"), file("links/original", "two\n")] },
      ],
      { Cmd: ["stat", "-c", "%n %h %s", "/links/second"] },
    ),
  ],
} satisfies Recipe;
