import { onBusybox } from "../busybox.ts";
import { dir, file, opaque, type Recipe, symlink, whiteout } from "../recipe.ts";

const before = [
  dir("data"),
  file("data/kept", "kept\n"),
  file("data/deleted-file", "old\n"),
  dir("data/deleted-dir"),
  file("data/deleted-dir/a", "old\n"),
  dir("data/deleted-dir/sub"),
  file("data/deleted-dir/sub/b", "old\n"),
  symlink("data/deleted-link", "kept"),
  file("data/recreated-later", "old\n"),
  dir("data/recreated-dir"),
  file("data/recreated-dir/old", "old\n"),
  file("data/replaced", "old\n"),
  dir("data/replaced-dir"),
  file("data/replaced-dir/old", "old\n"),
  dir("data/opaque"),
  file("data/opaque/old", "old\n"),
  dir("data/opaque/old-dir"),
  file("data/opaque/old-dir/deep", "old\n"),
  dir("data/opaque-last"),
  file("data/opaque-last/old", "old\n"),
  dir("data/dir-to-file"),
  file("data/dir-to-file/old", "old\n"),
  file("data/file-to-dir", "old\n"),
  dir("data/dir-to-link"),
  file("data/dir-to-link/old", "old\n"),
];

const change = [
  dir("data"),
  whiteout("data/deleted-file"),
  whiteout("data/deleted-dir"),
  whiteout("data/deleted-link"),
  whiteout("data/recreated-later"),
  whiteout("data/recreated-dir"),
  // Whiteout and new file in one layer: the whiteout is for the layers below only.
  whiteout("data/replaced"),
  file("data/replaced", "new\n"),
  dir("data/replaced-dir"),
  file("data/replaced-dir/new", "new\n"),
  whiteout("data/replaced-dir"),
  dir("data/opaque"),
  opaque("data/opaque"),
  file("data/opaque/new", "new\n"),
  // The marker may come after entries that it must not hide.
  dir("data/opaque-last"),
  file("data/opaque-last/new", "new\n"),
  opaque("data/opaque-last"),
  file("data/dir-to-file", "new\n"),
  dir("data/file-to-dir"),
  file("data/file-to-dir/new", "new\n"),
  symlink("data/dir-to-link", "opaque"),
  whiteout("data/never-existed"),
];

const after = [
  dir("data"),
  file("data/recreated-later", "new\n"),
  dir("data/recreated-dir"),
  file("data/recreated-dir/new", "new\n"),
];

/** What `find /data` finds is {@link mergedTree}. */
export default {
  about: "every form of whiteout and opaque directory",
  images: [
    onBusybox([{ entries: before }, { entries: change }, { entries: after }], {
      Cmd: ["find", "/data"],
    }),
  ],
} satisfies Recipe;

/** The whole tree below / that a container of this image must see, sorted. */
export const mergedTree = [
  "data",
  "data/dir-to-file",
  "data/dir-to-link",
  "data/file-to-dir",
  "data/file-to-dir/new",
  "data/kept",
  "data/opaque",
  "data/opaque-last",
  "data/opaque-last/new",
  "data/opaque/new",
  "data/recreated-dir",
  "data/recreated-dir/new",
  "data/recreated-later",
  "data/replaced",
  "data/replaced-dir",
  "data/replaced-dir/new",
];
