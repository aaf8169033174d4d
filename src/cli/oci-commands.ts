import type { OciVerb } from "./oci/verb.ts";

/** A verb and how it is loaded. */
export interface OciEntry {
  readonly summary: string;
  readonly load: () => Promise<OciVerb>;
}

/** The verbs of tsman-oci, by name. */
export const ociVerbs: Readonly<Record<string, OciEntry>> = {
  checkpoint: {
    summary: "refused: CRIU is not supported",
    load: async () => (await import("./oci/absent-verbs.ts")).checkpoint,
  },
  create: {
    summary: "make a container of a bundle",
    load: async () => (await import("../commands/oci/create.ts")).create,
  },
  delete: {
    summary: "remove what is left of a container",
    load: async () => (await import("../commands/oci/delete.ts")).deleteVerb,
  },
  events: {
    summary: "print what a container uses",
    load: async () => (await import("../commands/oci/events.ts")).events,
  },
  exec: {
    summary: "run another program in a container",
    load: async () => (await import("../commands/oci/exec.ts")).exec,
  },
  features: {
    summary: "print what this runtime knows, as JSON",
    load: async () => (await import("../commands/oci/features.ts")).features,
  },
  kill: {
    summary: "send a container a signal",
    load: async () => (await import("../commands/oci/kill.ts")).kill,
  },
  list: {
    summary: "list containers",
    load: async () => (await import("../commands/oci/list.ts")).list,
  },
  pause: {
    summary: "freeze the processes of a container",
    load: async () => (await import("../commands/oci/pause.ts")).pause,
  },
  ps: {
    summary: "list the processes of a container",
    load: async () => (await import("../commands/oci/ps.ts")).ps,
  },
  restore: {
    summary: "refused: CRIU is not supported",
    load: async () => (await import("./oci/absent-verbs.ts")).restore,
  },
  resume: {
    summary: "let paused processes go on",
    load: async () => (await import("../commands/oci/resume.ts")).resume,
  },
  run: {
    summary: "create, start, wait and delete",
    load: async () => (await import("../commands/oci/run.ts")).run,
  },
  spec: {
    summary: "write a config.json to begin with",
    load: async () => (await import("../commands/oci/spec.ts")).spec,
  },
  start: {
    summary: "run the program of a created container",
    load: async () => (await import("../commands/oci/start.ts")).start,
  },
  state: {
    summary: "print the state of a container",
    load: async () => (await import("../commands/oci/state.ts")).state,
  },
  update: {
    summary: "change the limits of a container",
    load: async () => (await import("../commands/oci/update.ts")).update,
  },
};
