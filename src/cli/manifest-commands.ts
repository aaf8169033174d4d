import type { CommandEntry } from "./catalogue.ts";

/** Lists of images for several platforms. */
export const manifestCommands: Readonly<Record<string, CommandEntry>> = {
  create: {
    summary: "make a list of images for several platforms",
    load: async () => (await import("../commands/manifest-create.ts")).manifestCreate,
  },
  add: {
    summary: "add images to a list",
    load: async () => (await import("../commands/manifest-add.ts")).manifestAdd,
  },
  annotate: {
    summary: "say more about an entry of a list",
    load: async () => (await import("../commands/manifest-annotate.ts")).manifestAnnotate,
  },
  remove: {
    summary: "take an entry out of a list",
    load: async () => (await import("../commands/manifest-remove.ts")).manifestRemove,
  },
  inspect: {
    summary: "print a list",
    load: async () => (await import("../commands/manifest-inspect.ts")).manifestInspect,
  },
  ls: {
    summary: "print the names of all lists",
    load: async () => (await import("../commands/manifest-inspect.ts")).manifestLs,
  },
  exists: {
    summary: "end with 0 if there is such a list, with 1 if not",
    load: async () => (await import("../commands/manifest-inspect.ts")).manifestExists,
  },
  push: {
    summary: "send a list and its images to a registry",
    load: async () => (await import("../commands/manifest-push.ts")).manifestPush,
  },
  rm: {
    summary: "remove lists",
    load: async () => (await import("../commands/manifest-remove.ts")).manifestRm,
  },
};
