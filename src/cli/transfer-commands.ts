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
};
