import type { CommandEntry } from "./catalogue.ts";

/** The verbs of local images that are verbs of their own too, as with Podman. */
export const localImageCommands: Readonly<Record<string, CommandEntry>> = {
  tag: {
    summary: "give an image more names",
    load: async () => (await import("../commands/tag.ts")).tag,
  },
  untag: {
    summary: "take names of an image away",
    load: async () => (await import("../commands/untag.ts")).untag,
  },
  history: {
    summary: "show how an image was made",
    load: async () => (await import("../commands/history.ts")).history,
  },
};

const unmount: CommandEntry = {
  summary: "unmount images",
  load: async () => (await import("../commands/image-unmount.ts")).imageUnmount,
};

/** All that `tsman image` does with local images besides listing and inspecting. */
export const imageCommands: Readonly<Record<string, CommandEntry>> = {
  ...localImageCommands,
  tree: {
    summary: "show an image's layers, and who shares them",
    load: async () => (await import("../commands/image-tree.ts")).imageTree,
  },
  exists: {
    summary: "end with 0 if there is such an image, with 1 if not",
    load: async () => (await import("../commands/image-exists.ts")).imageExists,
  },
  prune: {
    summary: "remove images that nobody needs",
    load: async () => (await import("../commands/image-prune.ts")).imagePrune,
  },
  mount: {
    summary: "mount images' files, within tsman unshare",
    load: async () => (await import("../commands/image-mount.ts")).imageMount,
  },
  unmount,
  umount: { ...unmount, isAlias: true },
  "to-npm": {
    summary: "make an npm package of an image",
    load: async () => (await import("../commands/image-to-npm.ts")).imageToNpm,
  },
};
