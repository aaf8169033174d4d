import type { CommandEntry } from "./catalogue.ts";

/** The verbs that work on the files of containers. */
export const fileCommands: Readonly<Record<string, CommandEntry>> = {
  commit: {
    summary: "make an image of a container",
    load: async () => (await import("../commands/commit.ts")).commit,
  },
  cp: {
    summary: "copy files out of or into a container",
    load: async () => (await import("../commands/cp.ts")).cp,
  },
  diff: {
    summary: "list what a container has changed in its image's files",
    load: async () => (await import("../commands/diff.ts")).diff,
  },
  export: {
    summary: "write a container's files as a tar archive",
    load: async () => (await import("../commands/export.ts")).exportContainer,
  },
};
