import type { CommandEntry } from "./catalogue.ts";

const unmount: CommandEntry = {
  summary: "unmount what tsman mount has mounted",
  load: async () => (await import("../commands/unmount.ts")).unmount,
};

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
    summary: "list in which files a container or image differs from another, or its image",
    load: async () => (await import("../commands/diff.ts")).diff,
  },
  export: {
    summary: "write a container's files as a tar archive",
    load: async () => (await import("../commands/export.ts")).exportContainer,
  },
  mount: {
    summary: "mount containers' files, within tsman unshare",
    load: async () => (await import("../commands/mount.ts")).mount,
  },
  unmount,
  umount: { ...unmount, isAlias: true },
  namespaces: {
    summary: "list the namespaces of running containers",
    load: async () => (await import("../commands/namespaces.ts")).namespaces,
  },
};

/** Of the verbs that also take images, those for containers alone. */
export const containerFileCommands: Readonly<Record<string, CommandEntry>> = {
  ...fileCommands,
  diff: {
    summary: "list what a container has changed in its image's files",
    load: async () => (await import("../commands/diff.ts")).diffContainer,
  },
};

/** And for images alone. */
export const imageFileCommands: Readonly<Record<string, CommandEntry>> = {
  diff: {
    summary: "list what an image has changed in the files of those below",
    load: async () => (await import("../commands/diff.ts")).diffImage,
  },
};

/** The namespace that the store's files are to be seen from; no verb of a container. */
export const unshareCommand: CommandEntry = {
  summary: "run a command where the store's files have their container owners",
  load: async () => (await import("../commands/unshare.ts")).unshare,
};
