import type { CommandEntry } from "./catalogue.ts";

/** What concerns the whole store. */
export const systemCommands: Readonly<Record<string, CommandEntry>> = {
  check: {
    summary: "compare the store with what is there, and repair it",
    load: async () => (await import("../commands/system-check.ts")).check,
  },
  df: {
    summary: "show what the store takes on the disk",
    load: async () => (await import("../commands/system-df.ts")).systemDf,
  },
  prune: {
    summary: "remove what nobody uses",
    load: async () => (await import("../commands/system-prune.ts")).systemPrune,
  },
  reset: {
    summary: "remove everything that tsman keeps",
    load: async () => (await import("../commands/system-reset.ts")).systemReset,
  },
  "start-enabled": {
    summary: "start the containers that should be up",
    load: async () => (await import("../commands/system-start-enabled.ts")).startEnabled,
  },
};
