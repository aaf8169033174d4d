import type { CommandEntry } from "./catalogue.ts";

/** The verbs that move images between the store and files; with Podman verbs of `image` too. */
export const transferCommands: Readonly<Record<string, CommandEntry>> = {
  save: {
    summary: "write images to an archive or directory",
    load: async () => (await import("../commands/save.ts")).save,
  },
  load: {
    summary: "take the images of an archive into the store",
    load: async () => (await import("../commands/load.ts")).load,
  },
  import: {
    summary: "make an image of a tar archive of files",
    load: async () => (await import("../commands/import.ts")).importArchive,
  },
};

/** `tsman image copy`, which needs no store and so is no verb of its own. */
export const copyCommand: CommandEntry = {
  summary: "copy an image between registries, archives and directories",
  load: async () => (await import("../commands/image-copy.ts")).imageCopy,
};
